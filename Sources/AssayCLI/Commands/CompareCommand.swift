import ArgumentParser
import Assay
import AssayRuns
import Foundation

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare two recorded runs and say which module went wrong first.",
    usage: """
      assay compare <actual> <expected> [<options>]
      assay compare --dir1 <actual> --dir2 <expected> [<options>]
      """,
    discussion: """
      The first run is the actual one, the second the expected one. Each is a run's directory, a directory that \
      holds exactly one run, an .h5 file, a fixture (.safetensors, .npz or .npy), or the runs of all ranks of one distributed run: the \
      directory that holds them, or a pattern of their names, which are joined as one. Exit status: 0 everything matches, 1 something \
      differs, 2 a run could not be read.
      """)

  @Argument(help: "The actual run, the one under test.")
  var actual: String?

  @Argument(help: "The expected run, the reference.")
  var expected: String?

  @Option(help: "The actual run, as vLLM's script names it.")
  var dir1: String?

  @Option(help: "The expected run, as vLLM's script names it.")
  var dir2: String?

  @OptionGroup var report: ReportOptions
  @OptionGroup var tolerance: ToleranceOptions

  @Option(
    help: ArgumentHelp(
      "Pair devices: ACTUAL=EXPECTED, as in cuda:0=cpu; separate several with commas.",
      valueName: "map"))
  var deviceMap: [String] = []

  @Option(help: "Only these steps, separated by commas; 4-6 is a range.")
  var steps: String?

  @Option(help: "Only modules that match one of these regular expressions, separated by commas.")
  var modules: String?

  @Option(
    help: ArgumentHelp(
      """
      Pair tensors whose modules have other names or forms by the rules of this file, or by a mapping \
      that assay mappings lists.
      """,
      valueName: "file"))
  var mapping: String?

  @Option(
    help: ArgumentHelp(
      """
      Pair tensors by rows, the tokens that they belong to, whatever the steps, or by steps; auto \
      takes rows where both runs tell them and hold them in other steps or beside padding.
      """))
  var align = Alignment.auto

  @Option(
    help: ArgumentHelp(
      """
      Compare, by rows, only these requests: ACTUAL=EXPECTED, counted in order of arrival from 0, \
      as in 1=0; separate several with commas.
      """, valueName: "map"))
  var requestMap: [String] = []

  @Option(
    help: ArgumentHelp(
      "Modules whose outputs are logits, a regular expression (default: those named lm_head).",
      valueName: "pattern"))
  var logits: String?

  @Option(
    help: ArgumentHelp(
      """
      Judge the actual run's error by that of this run, the noise floor, both from the expected \
      one, the truth; without another tolerance by AWS Neuron's three-way gate.
      """, valueName: "run"))
  var floor: String?

  @OptionGroup var placementsOption: PlacementsOption

  @OptionGroup var virtual: VirtualOption

  @Flag(
    help: """
      Print a file for --placements, proposed from what makes the tensors of ranks match the other \
      run, instead of a comparison.
      """)
  var suggestPlacements = false

  @Option(
    help: ArgumentHelp(
      """
      Compare only this share of the calls, and write a part for assay merge to --output: 2/7 is the \
      second of seven; slurm in an array job; kubernetes/7 in an indexed job of 7 completions. The \
      verdict is the merge's: exit status 0 says that the part is written.
      """, valueName: "i/n"))
  var shard: ShardArgument?

  @Flag(
    help: """
      Print a file for --mapping, proposed from shapes and statistics, instead of a comparison.
      """)
  var suggestMapping = false

  /// The two runs, named in one way or the other.
  var paths: (actual: String, expected: String) {
    get throws {
      switch (actual, expected, dir1, dir2) {
      case (let actual?, let expected?, nil, nil), (nil, nil, let actual?, let expected?):
        (actual, expected)
      case (_, _, nil, nil):
        throw ValidationError(
          "compare takes two runs, the actual and the expected one: assay compare ACTUAL EXPECTED")
      case (nil, nil, nil, _): throw ValidationError("--dir2 needs --dir1, the actual run")
      case (nil, nil, _, nil): throw ValidationError("--dir1 needs --dir2, the expected run")
      default: throw ValidationError("give the runs either as they are or as --dir1 and --dir2")
      }
    }
  }

  func validate() throws {
    _ = try paths
    if suggestMapping, mapping != nil {
      throw ValidationError("give either --mapping or --suggest-mapping")
    }
    if suggestMapping, suggestPlacements {
      throw ValidationError("give either --suggest-mapping or --suggest-placements")
    }
    if shard != nil {
      let other =
        suggestMapping
        ? "--suggest-mapping"
        : suggestPlacements
          ? "--suggest-placements" : report.given.first { $0 != "--output" }
      if let other {
        throw ValidationError("--shard writes a part and no report; it excludes \(other)")
      }
    }
    if floor != nil, mapping != nil {
      throw ValidationError("--floor excludes --mapping: the three runs pair by equal names")
    }
  }

  func run() throws {
    if suggestMapping { return try suggest() }
    if suggestPlacements { return try suggestPlacementRules() }
    if let shard { return try writePart(shard) }
    if MPIRanks.count > 1 { return try runRanked() }
    let work = try work()
    let bar = ProgressBar("comparing")
    defer { bar.clear() }
    let comparison = work.comparison(progress: bar.update(_:of:))
    bar.clear()
    try report.tell(comparison)
  }

  /// Opens the runs and pairs their tensors.
  func work() throws -> ComparisonWork {
    let options = try options
    let (actual, expected, _) = try openRuns()
    return try ComparisonWork(actual: actual, expected: expected, options: options)
  }

  /// What is compared, and under which rules.
  private var options: ComparisonOptions {
    get throws {
      var options = ComparisonOptions()
      options.mapping = try mapping.map { try Mapping(fileOrPreset: $0) }
      options.floor = try floor.map {
        try openRun(at: $0, placements: nil, readsVirtual: virtual.isRead)
      }
      options.tolerance = try tolerance.chosen(
        standard: floor == nil ? .vllm : Tolerance.threeWayGate())
      options.deviceMap = try deviceMap.flatMap { try DeviceMapArgument.parse($0) }
      options.alignment = RowAlignmentMode(rawValue: align.rawValue) ?? .automatic
      options.requestMap = try requestMap.flatMap { try RequestMapArgument.parse($0) }
      options.steps = try steps.map(StepListArgument.parse)
      options.modules = try modules.map(PatternListArgument.parse)
      options.logits = try logits.map { try ModulePattern($0) }
      return options
    }
  }

  private func suggestPlacementRules() throws {
    let (actual, expected, placements) = try openRuns()
    switch try PlacementSuggestion(
      actual: actual, expected: expected, placements: placements, options: options)
    {
    case .rules(let rules): try write(rules)
    case .nothing(let reason):
      Console.complain("No placements to suggest: \(reason).")
      throw ExitStatus.mismatch
    }
  }

  /// Opens both runs at once.
  private func openRuns() throws -> (any RunReader, any RunReader, Placements?) {
    let (paths, placements) = (try paths, try placementsOption.read())
    let runs = concurrentMap(count: 2) { side in
      Result {
        try openRun(
          at: side == 0 ? paths.actual : paths.expected, placements: placements,
          readsVirtual: virtual.isRead)
      }
    }
    let (actual, expected) = (try runs[0].get(), try runs[1].get())
    try placementsOption.check(placements, areFor: [actual, expected])
    return (actual, expected, placements)
  }

  private func suggest() throws {
    let (actual, expected, _) = try openRuns()
    let suggestion = try MappingSuggestion(actual: actual, expected: expected)
    guard case .rules(let rules) = suggestion else {
      if case .nothing(let reason) = suggestion {
        Console.complain("No mapping to suggest: \(reason).")
      }
      throw ExitStatus.mismatch
    }
    try write(rules)
  }

  private func write(_ rules: String) throws {
    if let output = report.output {
      try TextOutput.replace(output, with: Data(rules.utf8))
    } else {
      try Console.write(Data(rules.utf8))
    }
  }
}

/// What `--align` takes.
enum Alignment: String, ExpressibleByArgument, CaseIterable {
  case auto, rows, steps
}
