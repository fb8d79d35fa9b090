import Assay
import Foundation

/// Runs a program that records under a golden's capture configuration, and compares what it did.
struct CommandReplay {
  var golden: any RunReader
  var path: String
  var command: [String]
  var options: ComparisonOptions
  var allowsOtherWeights: Bool
  /// Whether the command's standard output must leave ours to the report.
  var printsToStandardError: Bool

  func run() throws -> RunComparison {
    let scratch = try ScratchFolder("assay-replay")
    defer { scratch.remove() }
    let relay = try SignalRelay { scratch.remove() }
    let runs = scratch.path + "/runs"
    let file = scratch.path + "/capture.json"
    try WholeFile.replace(file, with: try configuration(writingTo: runs))
    try ChildProcess(
      arguments: command, environment: [CaptureConfiguration.environmentVariable: file],
      printsToStandardError: printsToStandardError
    ).run(under: relay)

    let recorded = try recordedRun(in: runs)
    try checkWeights(of: recorded.manifest)
    let bar = ProgressBar("comparing")
    defer { bar.clear() }
    var options = options
    if options.mapping != nil { options.countsLoneCall = try Replay.loneCalls(of: golden) }
    var comparison = try RunComparison.compare(
      actual: recorded, expected: golden, options: options, progress: bar.update(_:of:))
    // The folder is gone when the report is read; what ran is not.
    comparison.actual.path = command.joined(separator: " ")
    return comparison
  }

  private func configuration(writingTo directory: String) throws -> Data {
    var configuration = try Replay.configuration(for: golden)
    configuration.isEnabled = true
    // The golden's patterns are made for its own names.
    if options.mapping != nil { configuration.modules = ModuleFilter() }
    configuration.outputDirectory = directory
    configuration.formats = [.hdf5]
    return configuration.jsonValue.encoded()
  }

  /// The one finished run that the command must have left.
  private func recordedRun(in directory: String) throws -> any RunReader {
    let name = command.first ?? ""
    let nothing = CommandError.commandRecordedNothing(
      command: name, variable: CaptureConfiguration.environmentVariable)
    let run: any RunReader
    do {
      run = try openRun(at: directory)
    } catch RunError.notFound {
      throw nothing
    } catch RunError.notARun(path: directory, _) {
      throw nothing
    } catch RunError.severalRuns(_, let runs) {
      throw CommandError.commandRecordedSeveral(command: name, count: runs.count)
    }
    guard run.manifest.isComplete else { throw CommandError.commandStillRecording(command: name) }
    return run
  }

  /// A program that says which weights it ran must have run the golden's.
  private func checkWeights(of manifest: RunManifest) throws {
    guard let expected = golden.manifest.recipe?.modelHash ?? golden.manifest.provenance?.modelHash,
      let actual = manifest.recipe?.modelHash ?? manifest.provenance?.modelHash,
      actual != expected
    else { return }
    try CommandError.refuseWeights(
      .otherWeights(expected: expected, actual: actual, path: command.joined(separator: " ")),
      unless: allowsOtherWeights)
  }
}
