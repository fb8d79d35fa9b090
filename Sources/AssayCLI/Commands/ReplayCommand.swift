import ArgumentParser
import Assay
import Foundation

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Run a model again and compare it with its golden.",
    usage: """
      assay replay <golden> [<options>]
      assay replay <golden> [<options>] -- <command> ...
      """,
    discussion: """
      Without a command the reference engine runs the golden's recipe, and every tensor is compared \
      as it is computed. A command is any program that records: it finds the golden's capture \
      configuration in the file that ASSAY_INTERMEDIATE_LOG_CONFIG_PATH names. Without an option \
      for it, the tolerance is that of a tolerances.yml beside the golden. Exit status: 0 \
      everything matches, 1 something differs, 2 the model could not be run or compared.
      """)

  @Argument(help: "The golden: an .h5 file, a fixture, or a run's directory.")
  var golden: String

  @Option(help: "The checkpoint directory, where the golden's recipe names none or it has moved.")
  var model: String?

  @OptionGroup var tolerance: ToleranceOptions
  @OptionGroup var report: ReportOptions

  @Option(
    help: ArgumentHelp(
      "Also write the report as <golden's name>.md, .json and .html into this directory.",
      valueName: "dir"))
  var reportDir: String?

  @Option(
    help: ArgumentHelp(
      "Pair devices: ACTUAL=EXPECTED, as in cuda:0=cpu; separate several with commas.",
      valueName: "map"))
  var deviceMap: [String] = []

  @Option(
    help: ArgumentHelp(
      "Pair tensors whose modules have other names or forms by the rules of this file, or by a "
        + "mapping that assay mappings lists; the run is then compared when the model is done.",
      valueName: "file"))
  var mapping: String?

  @Flag(help: "Feed every module the golden's inputs, so that each is judged by itself.")
  var isolated = false

  @Flag(help: "Stop the model at the first tensor that differs.")
  var stopAtFirstDivergence = false

  @Flag(help: "Replay even where the weights are not those of the golden.")
  var allowOtherWeights = false

  @Option(help: "Threads per matrix product; results do not depend on them.")
  var threads: Int?

  @Argument(
    parsing: .postTerminator, help: "A program that runs the model and records it, after --.")
  var command: [String] = []

  func validate() throws {
    if mapping != nil, isolated || stopAtFirstDivergence {
      throw ValidationError(
        "--mapping excludes \(isolated ? "--isolated" : "--stop-at-first-divergence"): tensors are "
          + "paired when the model is done")
    }
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1") }
    guard !command.isEmpty else {
      if CommandLine.arguments.last == "--" { throw ValidationError("no command stands behind --") }
      return
    }
    for (option, isGiven) in [
      ("--model", model != nil), ("--isolated", isolated), ("--threads", threads != nil),
      ("--stop-at-first-divergence", stopAtFirstDivergence),
    ] where isGiven {
      throw ValidationError(
        "\(option) is for the reference engine; a command gets its own arguments")
    }
  }

  func run() throws {
    do {
      try replay()
    } catch let status as ExitStatus {
      throw status
    } catch {
      GitHubActions.annotate(
        golden, title: "\(name) could not be replayed", AssayCommand.text(of: error))
      throw error
    }
  }

  private func replay() throws {
    let reader = try openRun(at: golden)
    let tolerance = try tolerance.chosen(besides: golden)
    let deviceMap = try deviceMap.flatMap { try DeviceMapArgument.parse($0) }
    let mapping = try mapping.map { try Mapping(fileOrPreset: $0) }
    let comparison: RunComparison
    if command.isEmpty {
      var options = ReplayOptions()
      options.tolerance = tolerance
      options.isIsolated = isolated
      options.deviceMap = deviceMap
      options.stopsAtFirstDivergence = stopAtFirstDivergence
      options.mapping = mapping
      comparison = try EngineReplay(
        golden: reader, path: golden, model: model, options: options, threads: threads,
        allowsOtherWeights: allowOtherWeights
      ).run()
    } else {
      comparison = try CommandReplay(
        golden: reader, path: golden, command: command,
        options: ComparisonOptions(
          tolerance: tolerance, deviceMap: deviceMap, mapping: mapping),
        allowsOtherWeights: allowOtherWeights,
        printsToStandardError: report.output == nil
      ).run()
    }
    let files = try writeReports(comparison)
    try report.write(comparison, named: name, wholeReport: files.first)
    if report.output != nil, !comparison.isMatch {
      Console.complain(
        FailureText.render(
          comparison, headline: name, goldenPath: golden, reportPath: report.output))
    }
    GitHubActions.tell(
      comparison, golden: golden, name: name, report: files.first ?? report.output)
    try comparison.leave()
  }

  /// The golden's name: `float32` of `Golden/tiny-llama/float32.h5`.
  private var name: String {
    URL(filePath: golden).deletingPathExtension().lastPathComponent
  }

  private func writeReports(_ comparison: RunComparison) throws -> [String] {
    guard let reportDir else { return [] }
    try FileSystem.makeDirectory(reportDir, withParents: true)
    return try [ReportOptions.Format.md, .json, .html].map { format in
      let path = "\(reportDir)/\(name).\(format.rawValue)"
      try TextOutput.replace(path, with: try report.render(comparison, as: format, to: path))
      return path
    }
  }
}
