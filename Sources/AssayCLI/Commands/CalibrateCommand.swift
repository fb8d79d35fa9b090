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
      beside the reference, as <reference>.floor.json. Nothing that exists is overwritten. Where \
      the other runs have other names or lack tensors, --mapping says how they pair with the \
      reference, as it does for compare.
      """)

  @Argument(help: "The reference, then at least one more run: directories or .h5 files.")
  var runs: [String]

  @Option(name: .shortAndLong, help: "The file of rules to write, such as tolerances.yml.")
  var output: String

  @Option(help: "By how much more than was measured a run may differ.")
  var safety = 2.0

  @Option(
    help: ArgumentHelp(
      """
      Pair tensors of the other runs with the reference's by the rules of this file, or by a mapping \
      that assay mappings lists.
      """,
      valueName: "file"))
  var mapping: String?

  @Option(help: "Only modules that match one of these regular expressions, separated by commas.")
  var modules: String?

  @Option(
    help: ArgumentHelp(
      "Pair devices: OTHER=REFERENCE, as in cuda:0=cpu; separate several with commas.",
      valueName: "map"))
  var deviceMap: [String] = []

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
    let readers = try runs.map { try openRun(at: $0) }
    let bar = ProgressBar("comparing")
    defer { bar.clear() }
    let floor = try NoiseFloor(
      measuring: readers, mapping: mapping.map { try Mapping(fileOrPreset: $0) },
      modules: modules.map(PatternListArgument.parse),
      deviceMap: deviceMap.flatMap { try DeviceMapArgument.parse($0) },
      progress: bar.update(_:of:))
    let rules = try floor.rules(safety: safety)
    // What no comparison could read must not be left behind.
    let count = try ToleranceRules(yaml: rules, source: output).rules.count
    bar.clear()
    try WholeFile.replace(
      floorFile, with: floor.json.encoded(pretty: true) + Data("\n".utf8))
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
