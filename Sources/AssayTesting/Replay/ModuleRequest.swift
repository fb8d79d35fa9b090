import Assay

/// A replay of single modules, as a test asks for it.
struct ModuleRequest: Sendable {
  var golden: String
  var pattern: String
  var tolerance: Tolerance?
  var site: TestSite

  /// Runs the modules one by one.
  func run<Output: Capturable>(
    _ body: (ModuleInputs) throws -> Output
  ) throws -> RunComparison {
    let (golden, pattern, options) = try prepare()
    return try ModuleReplay.compare(golden: golden, matching: pattern, options: options, body)
  }

  /// The same for asynchronous modules.
  func run<Output: Capturable>(
    isolation: isolated (any Actor)? = #isolation, _ body: (ModuleInputs) async throws -> Output
  ) async throws -> RunComparison {
    let (golden, pattern, options) = try prepare()
    return try await ModuleReplay.compare(
      golden: golden, matching: pattern, options: options, body)
  }

  /// The same for modules that return tuples.
  func run<each Output: Capturable>(
    _ body: (ModuleInputs) throws -> (repeat each Output)
  ) throws -> RunComparison {
    let (golden, pattern, options) = try prepare()
    return try ModuleReplay.compare(golden: golden, matching: pattern, options: options, body)
  }

  /// The same for asynchronous modules that return tuples.
  func run<each Output: Capturable>(
    isolation: isolated (any Actor)? = #isolation,
    _ body: (ModuleInputs) async throws -> (repeat each Output)
  ) async throws -> RunComparison {
    let (golden, pattern, options) = try prepare()
    return try await ModuleReplay.compare(
      golden: golden, matching: pattern, options: options, body)
  }

  private func prepare() throws -> (any RunReader, ModulePattern, ReplayOptions) {
    let settings = try ReplaySettings(
      golden: golden, record: nil, tolerance: tolerance, site: site)
    let file = GoldenFile(path: settings.path)
    guard file.exists else {
      throw ReplayTestError.nothingToReplay(
        path: settings.path, reason: "only a replay of the whole model records it",
        near: settings.nearNames)
    }
    return (
      try file.open(), try ModulePattern(pattern),
      settings.options(isIsolated: true, stopsAtFirstDivergence: false)
    )
  }
}
