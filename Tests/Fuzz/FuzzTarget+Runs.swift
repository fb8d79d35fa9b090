import AssayComparison
import AssayReports
import AssayRuns
import Foundation

extension FuzzTarget {
  /// Directories of runs; one name for each layout, whose seeds differ.
  static let runs =
    ["run-plain", "run-indexed", "run-sglang", "run-passes", "run-ranks"].map { name in
      FuzzTarget(name, repair: Repair.tree) { _ = try comparison(of: $0) }
    } + [
      // The quickest to read: what was read is reported as well.
      FuzzTarget("run-spool") { report(try comparison(of: $0)) },
      FuzzTarget("run-rank-files", repair: Repair.hdf5Files) { input in
        let folder = folder(of: input)
        // Files that only libhdf5 reads would be read by a child.
        let runs = (0..<2).compactMap {
          try? HDF5RunReader(path: "\(folder)/x.rank\($0).h5", by: .native)
        }
        guard let first = runs.first else { return }
        measure(first)
        let group = try RankGroup(path: folder, unordered: runs, placements: nil)
        measure(group)
        _ = try RunComparison.compare(actual: group, expected: group)
      },
      FuzzTarget("health") { input in
        let health = try RunHealth.check(openRun(at: folder(of: input)))
        _ = (MarkdownReport.render(health), JSONReport.render(health), HTMLReport.render(health))
        _ = (TextReport.render(health), JUnitReport.render(health, named: "check"))
      },
    ]

  private static func folder(of input: [UInt8]) -> String {
    let folder = Scratch.folder + "/tree"
    FileTree(input).write(to: folder)
    return folder
  }

  /// Opens the run that the input's files are, reads it, and compares it.
  ///
  /// Where there are `a` and `b`, these are two runs; rules that lie beside are followed.
  private static func comparison(of input: [UInt8]) throws -> RunComparison {
    let folder = folder(of: input)
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
    let bySteps = try RunComparison.compare(actual: actual, expected: expected, options: options)
    options.alignment = .rows
    guard expected.steps.allSatisfy({ $0.rows != nil }) else { return bySteps }
    return try RunComparison.compare(actual: actual, expected: expected, options: options)
  }

  /// Writes every kind of report.
  static func report(_ comparison: RunComparison) {
    _ = MarkdownReport.render(comparison, verbose: true)
    _ = MarkdownReport.summary(comparison)
    _ = JSONReport.render(comparison)
    _ = HTMLReport.render(comparison)
    _ = TextReport.render(comparison)
    _ = JUnitReport.render([(name: "compare", comparison: comparison)])
    _ = comparison.growthPlot
  }
}
