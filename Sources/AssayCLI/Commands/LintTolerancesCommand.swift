import ArgumentParser
import Assay
import Foundation

struct LintTolerancesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lint-tolerances",
    abstract: "Try tolerance rules on recorded runs: which can only flake, which cannot fail.",
    discussion: """
      Every tensor is compared with changed copies of itself: one unit in the last place off, all \
      zeros, the largest values of the other sign. Exit status: 0 nothing is wrong, 1 something \
      is, 2 the rules or a run could not be read.
      """)

  @Argument(help: "The file of rules.")
  var file: String

  @Argument(help: "The runs that they are for: directories or .h5 files.")
  var runs: [String]

  @Option(help: ListingFormat.help)
  var format = ListingFormat.text

  func validate() throws {
    guard !runs.isEmpty else {
      throw ValidationError("lint-tolerances needs a run to try rules on")
    }
  }

  func run() throws {
    let rules = try ToleranceRules(contentsOfFile: file)
    let readers = try runs.map { try openRun(at: $0) }
    let bar = ProgressBar("trying")
    defer { bar.clear() }
    let findings = try rules.findings(on: readers, progress: bar.update(_:of:))
    bar.clear()
    switch format {
    case .text: try Console.print(LintReport.text(findings, rules))
    case .json:
      try Console.print(
        String(decoding: LintReport.json(findings).encoded(), as: UTF8.self))
    }
    if findings.contains(where: { !$0.isNote }) { throw ExitStatus.mismatch }
  }
}
