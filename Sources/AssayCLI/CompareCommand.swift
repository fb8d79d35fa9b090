import ArgumentParser
import Assay
import Foundation

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare two recorded runs and say which module went wrong first.",
    discussion: """
      DIR1 is the actual run, DIR2 the expected one. Each is a run's directory, a directory that \
      holds exactly one run, or an .h5 file. Exit status: 0 everything matches, 1 something \
      differs, 2 a run could not be read.
      """)

  @Option(help: "The actual run, the one under test.")
  var dir1: String

  @Option(help: "The expected run, the reference.")
  var dir2: String

  @OptionGroup var report: ReportOptions
  @OptionGroup var tolerance: ToleranceOptions

  @Option(
    help: ArgumentHelp(
      "Pair devices: ACTUAL=EXPECTED, as in cuda:0=cpu; separate several with commas.",
      valueName: "map"))
  var deviceMap: [String] = []

  @Option(help: "Only these steps, separated by commas.")
  var steps: String?

  @Option(help: "Only modules that match one of these regular expressions, separated by commas.")
  var modules: String?

  @Option(
    help: ArgumentHelp(
      "Pair tensors whose modules have other names or forms by the rules of this file.",
      valueName: "file"))
  var mapping: String?

  @Option(
    help: ArgumentHelp(
      "Modules whose outputs are logits, a regular expression (default: those named lm_head).",
      valueName: "pattern"))
  var logits: String?

  @Option(
    help: ArgumentHelp(
      """
      Judge DIR1's error by that of this run, the noise floor, both from DIR2, the truth; without \
      another tolerance by AWS Neuron's three-way gate.
      """, valueName: "run"))
  var floor: String?

  @Flag(
    help: """
      Print a file for --mapping, proposed from shapes and statistics, instead of a comparison.
      """)
  var suggestMapping = false

  func validate() throws {
    if suggestMapping, mapping != nil {
      throw ValidationError("give either --mapping or --suggest-mapping")
    }
    if floor != nil, mapping != nil {
      throw ValidationError("--floor excludes --mapping: the three runs pair by equal names")
    }
  }

  func run() throws {
    if suggestMapping { return try suggest() }
    var options = ComparisonOptions()
    options.mapping = try mapping.map { try Mapping(contentsOfFile: $0) }
    options.floor = try floor.map { try RunLocation.open($0) }
    options.tolerance = try tolerance.chosen(
      standard: floor == nil ? .vllm : Tolerance.threeWayGate())
    options.deviceMap = try deviceMap.flatMap { try DeviceMapArgument.parse($0) }
    options.steps = try steps.map {
      try NaturalListArgument.parse($0, option: "--steps", items: "step numbers")
    }
    options.modules = try modules.map(PatternListArgument.parse)
    options.logits = try logits.map { try ModulePattern($0) }
    let actual = try RunLocation.open(dir1)
    let expected = try RunLocation.open(dir2)

    let bar = ProgressBar("comparing")
    defer { bar.clear() }
    let comparison = try RunComparison.compare(
      actual: actual, expected: expected, options: options, progress: bar.update(_:of:))
    bar.clear()

    try report.write(comparison, named: "compare")
    GitHubActions.tell(comparison, golden: dir2, name: "compare", report: report.output)
    try comparison.leave()
  }

  private func suggest() throws {
    let rules = try MappingSuggestion.yaml(
      actual: RunLocation.open(dir1), expected: RunLocation.open(dir2))
    if let output = report.output {
      try WholeFile.replace(output, with: Data(rules.utf8))
    } else {
      try Console.write(Data(rules.utf8))
    }
  }
}
