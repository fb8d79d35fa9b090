import ArgumentParser
import Assay

struct ApproveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve",
    abstract: "Show what a run would change in a golden, and make it the golden.",
    discussion: """
      The golden is replaced in one piece by a rename, and only after the word "approve" was typed \
      or under --yes. Who approved what, and why, is added to its provenance; `assay inspect` \
      shows it. A golden that is not there yet is made.
      """)

  @Argument(help: "The run to approve: a run's directory, an .h5 file or a fixture.")
  var candidate: String

  @Argument(help: "The golden to replace: an .h5 file.")
  var golden: String

  @Flag(help: "Approve without asking.")
  var yes = false

  @Option(help: ArgumentHelp("Why, for the golden's history.", valueName: "text"))
  var message: String?

  @OptionGroup var tolerance: ToleranceOptions

  func run() throws {
    let file = GoldenFile(path: golden)
    try file.checkWritable()
    let reader = try openRun(at: candidate)
    let tolerance = try tolerance.chosen(besides: golden)
    let previous = file.exists ? try file.open() : nil
    try Console.print(try changes(from: previous, to: reader, under: tolerance))
    try confirm()
    let bar = ProgressBar("writing")
    defer { bar.clear() }
    try file.approve(
      reader, approval: Approval(to: reader.manifest.id, reason: message),
      progress: bar.update(_:of:))
    bar.clear()
    try Console.print("approved \(golden)")
  }

  private func changes(
    from previous: (any RunReader)?, to reader: any RunReader, under tolerance: Tolerance
  ) throws -> String {
    guard let previous else {
      let count = reader.steps.reduce(0) { $1.calls.reduce($0) { $0 + $1.tensors.count } }
      return "\(golden) is new: \(count) tensors in \(reader.steps.count) steps\n"
    }
    let bar = ProgressBar("comparing")
    defer { bar.clear() }
    let comparison = try RunComparison.compare(
      actual: reader, expected: previous, options: ComparisonOptions(tolerance: tolerance),
      progress: bar.update(_:of:))
    return "\(ChangeList(comparison).markdown)\n\(verdict(of: comparison, under: tolerance))\n"
  }

  private func verdict(of comparison: RunComparison, under tolerance: Tolerance) -> String {
    let verdict =
      comparison.isMatch
      ? "The candidate matches \(golden) under \(tolerance.name)."
      : "The candidate does not match \(golden) under \(tolerance.name)."
    return ([verdict] + comparison.failures.map { "- \($0)" }).joined(separator: "\n")
  }

  private func confirm() throws {
    if yes { return }
    guard Confirmation.isPossible else { throw CommandError.noTerminal(golden: golden) }
    guard Confirmation.ask("Type \"approve\" to write \(golden):", word: "approve") else {
      throw CommandError.notConfirmed(golden: golden)
    }
  }
}
