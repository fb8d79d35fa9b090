import ArgumentParser
import Assay
import AssayRuns
import Foundation

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what a run, an .h5, .pt, .safetensors, .npz or .npy file holds.",
    discussion: """
      Every tensor is listed with its statistics and the SHA-256 of its row-major little-endian \
      bytes. In a .pt file the container path stands for the slot, in a .safetensors the name; the keys \
      of a .npz are shown as the modules and slots that they mean. What cannot be read is listed \
      with the reason.
      """)

  @Argument(help: "A run's directory, or an .h5, .pt, .safetensors, .npz or .npy file.")
  var path: String

  @Option(help: "Only modules that match this regular expression (Python's re.search).")
  var module: String?

  @OptionGroup var placementsOption: PlacementsOption

  @OptionGroup var virtual: VirtualOption

  @Option(help: ListingFormat.help)
  var format = ListingFormat.text

  func run() throws {
    let pattern = try module.map { try ModulePattern($0) }
    let placements = try placementsOption.read()
    var inventory = try Inventory(contentsOf: path) { path in
      let run = try openRun(
        at: path, placements: placements, readsVirtual: virtual.isRead)
      try placementsOption.check(placements, areFor: [run])
      return run
    }
    if let pattern {
      inventory.entries.removeAll { !pattern.matches($0.key.module ?? $0.key.slot) }
      if let unfinished = pattern.unfinished { throw unfinished }
      guard !inventory.entries.isEmpty else {
        throw CommandError.nothingSelected(pattern: pattern.source, path: path)
      }
    }
    let bar = ProgressBar("reading")
    defer { bar.clear() }
    let rows = try inventory.rows(progress: bar.update(_:of:))
    bar.clear()
    switch format {
    case .json:
      var object: [String: JSONValue] = ["tensors": .array(rows.map(\.json))]
      object.merge(inventory.about) { $1 }
      try Console.write(JSONValue.object(object).encoded(pretty: true) + Data("\n".utf8))
    case .text:
      try Console.print(InventoryText.render(inventory, rows: rows))
    }
    // A run promises tensors; a file of PyTorch's may hold what no run does.
    let broken = rows.count { $0.unreadable != nil && $0.key.step != nil }
    guard broken == 0 else { throw CommandError.unreadableTensors(count: broken, path: path) }
  }
}
