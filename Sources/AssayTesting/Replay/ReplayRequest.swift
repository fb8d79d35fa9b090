import Assay

/// One replay of a whole model, as a test asks for it.
struct ReplayRequest: Sendable {
  var golden: String
  var recipe: Recipe?
  var record: RecordMode?
  var tolerance: Tolerance?
  var isIsolated = false
  var stopsAtFirstDivergence = false
  var mapping: Mapping?
  var capturing: CaptureConfiguration?
  var site: TestSite

  /// The command that records a golden again by this test; `nil` where none does.
  func rerecordCommand(for golden: RunManifest) -> String? {
    golden.reasonNotToRecord(modelHash: recipe?.modelHash) == nil
      ? command(recording: .failed) : nil
  }

  /// The command that runs this test in a record mode; `nil` where the test's own choice beats
  /// the environment.
  func command(recording mode: RecordMode) -> String? {
    let chosen = record ?? AssayScope.current.record
    return isIsolated || mapping != nil || chosen == .never
      || chosen == .missing && mode != .missing
      ? nil : site.command(recording: mode)
  }
}

/// What a test's choices, its scope, the environment and the files come to.
struct ReplaySettings: Sendable {
  let name: GoldenName
  let path: String
  let artifacts: String
  let mode: RecordMode
  let tolerance: Tolerance
  private let location: GoldenLocation

  /// The names of goldens that this one was perhaps meant for.
  var nearNames: [String] { location.names(near: name) }

  /// Settles everything that can be settled before the golden is opened.
  ///
  /// - Throws: ``ReplayTestError``, or `ComparisonError` for a `tolerances.yml` that is none.
  init(golden: String, record: RecordMode?, tolerance: Tolerance?, site: TestSite) throws {
    let environment = TestEnvironment.current
    let scope = AssayScope.current
    mode = try RecordMode.resolve(record ?? scope.record, in: environment)
    name = try GoldenName(golden)
    location = try GoldenLocation(file: "\(site.filePath)", environment: environment)
    path = try location.file(of: name).path
    artifacts = location.artifacts
    if let tolerance = tolerance ?? scope.tolerance {
      self.tolerance = tolerance
    } else if let file = location.tolerances(for: name) {
      self.tolerance = .rules(try ToleranceRules(contentsOfFile: file))
    } else {
      self.tolerance = .vllm
    }
  }

  /// Makes the options of a replay.
  func options(
    isIsolated: Bool, stopsAtFirstDivergence: Bool, mapping: Mapping? = nil
  ) -> ReplayOptions {
    var options = ReplayOptions()
    options.tolerance = tolerance
    options.isIsolated = isIsolated
    options.stopsAtFirstDivergence = stopsAtFirstDivergence
    options.mapping = mapping
    return options
  }
}
