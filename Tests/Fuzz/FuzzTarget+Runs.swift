import AssayComparison
import AssayRuns
import Foundation

extension FuzzTarget {
  /// Directories of runs; one name for each layout, whose seeds differ.
  static let runs = [
    "run-plain", "run-indexed", "run-spool", "run-sglang", "run-passes", "run-ranks",
  ].map { FuzzTarget($0, repair: Repair.tree, compare) }

  /// Opens the run that the input's files are, reads it, and compares it.
  ///
  /// Where there are `a` and `b`, these are two runs; rules that lie beside are followed.
  @Sendable private static func compare(_ input: [UInt8]) throws {
    let folder = Scratch.folder + "/tree"
    FileTree(input).write(to: folder)
    func path(_ name: String) -> String? {
      let path = folder + "/" + name
      return FileManager.default.fileExists(atPath: path) ? path : nil
    }
    let placements = try path("placements.yml").map { try Placements(contentsOfFile: $0) }
    let actual = try openRun(at: path("a") ?? folder, placements: placements)
    measure(actual)
    let expected = try path("a") == nil ? actual : openRun(at: path("b") ?? folder)
    var options = ComparisonOptions()
    options.mapping = try path("mapping.yml").map { try Mapping(contentsOfFile: $0) }
    if let path = path("tolerances.yml") {
      options.tolerance = .rules(try ToleranceRules(contentsOfFile: path))
    }
    _ = try RunComparison.compare(actual: actual, expected: expected, options: options)
  }
}
