import ArgumentParser
import Assay
import Foundation

struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Measure what legitimate runs differ by, and write tolerance rules from it.",
    discussion: """
      The first run is the reference, the golden. The others are runs of the same model and input \
      that are known to be right: other threads, attention kernels, machines. The rules pass what \
      differs by as much as these, times the safety factor. The noise floor of every module goes \
      beside the reference, as <reference>.floor.json. Nothing that exists is overwritten.
      """)

  @Argument(help: "The reference, then at least one more run: directories or .h5 files.")
  var runs: [String]

  @Option(name: .shortAndLong, help: "The file of rules to write, such as tolerances.yml.")
  var output: String

  @Option(help: "By how much more than was measured a run may differ.")
  var safety = 2.0

  func validate() throws {
    guard runs.count >= 2 else {
      throw ValidationError("calibrate takes at least two runs: noise is what they differ by")
    }
    guard safety >= 1, safety.isFinite else {
      throw ValidationError("--safety must be at least 1, not \(safety)")
    }
  }

  func run() throws {
    let floorFile = floorPath
    let existing = [output, floorFile].filter { GoldenFile(path: $0).exists }
    guard existing.isEmpty else { throw CommandError.rulesExist(paths: existing) }
    let readers = try runs.map { try RunLocation.open($0) }
    let bar = ProgressBar("comparing")
    defer { bar.clear() }
    let floor = try NoiseFloor(measuring: readers, progress: bar.update(_:of:))
    let rules = try floor.rules(safety: safety)
    // What no comparison could read must not be left behind.
    let count = try ToleranceRules(yaml: rules, source: output).rules.count
    bar.clear()
    try WholeFile.replace(
      floorFile, with: try JSONText.encode(floor.json, pretty: true) + Data("\n".utf8))
    try WholeFile.replace(output, with: Data(rules.utf8))
    try Console.print(
      "wrote \(output): \(count) rules from \(runs.count) runs, safety factor \(safety.formatted())\n"
        + "wrote \(floorFile)")
  }

  /// `float32.floor.json` for the reference `float32.h5`.
  private var floorPath: String {
    var base = runs[0]
    while base.count > 1, base.hasSuffix("/") { base.removeLast() }
    if base.hasSuffix(".h5") { base.removeLast(3) }
    return base + ".floor.json"
  }
}
