import ArgumentParser
import Assay
import Foundation

struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Merge the parts of a comparison that several processes made, and report.",
    discussion: """
      Each part is a file that assay compare --shard wrote. All shards must be there, each once and of \
      the same runs, options and version; the report is then, byte for byte, that of one assay \
      compare. The runs and rule files are read again under the names that the parts have, so merge \
      where those names hold. Exit status: 0 everything matches, 1 something differs, 2 a part is \
      missing, damaged or of another comparison, or a run could not be read.
      """)

  @Argument(help: ArgumentHelp("The parts, in any order.", valueName: "part"))
  var paths: [String]

  @Option(
    help: ArgumentHelp(
      "Merge the parts, which need not be all, to one part in this file instead of a report.",
      valueName: "file"))
  var partial: String?

  @OptionGroup var report: ReportOptions

  func validate() throws {
    guard partial != nil, let option = report.given.first else { return }
    throw ValidationError("--partial writes a part and no report; it excludes \(option)")
  }

  func run() throws {
    let parts = try paths.map { try PartialComparison(contentsOfFile: $0) }
    let whole = try PartialComparison(
      merging: parts, path: parts.count == 1 ? paths[0] : "what the parts hold together")
    if let partial { return try TextOutput.replace(partial, with: whole.data()) }
    try whole.checkShards()
    try report.tell(try CompareCommand(asked: whole).comparison(of: whole))
  }
}
