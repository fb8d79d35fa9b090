import ArgumentParser
import Assay
import Foundation

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log",
    abstract: "Print a golden's line of approvals: who made it what it is, when and why.",
    discussion: "The newest comes first.")

  @Argument(help: "The golden: an .h5 file, or a run's directory.")
  var golden: String

  @Option(help: ListingFormat.help)
  var format = ListingFormat.text

  func run() throws {
    let manifest = try openRun(at: golden).manifest
    switch format {
    case .text: try Console.print(manifest.approvalLog)
    case .json:
      try Console.print(
        String(
          decoding: (manifest.provenance?.approvals ?? []).jsonValue.encoded(), as: UTF8.self))
    }
  }
}
