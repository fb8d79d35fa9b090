import AssayBase
package import AssayCapture
package import AssayComparison
package import AssayRuns
package import AssayTensors

extension Replay {
  /// Replays a model from its beginning to its end.
  ///
  /// - Parameters:
  ///   - golden: The run that the model is to reproduce.
  ///   - options: Under which rules.
  ///   - body: Runs the model, which announces its steps and module calls to the probe.
  /// - Returns: What the comparison came to.
  /// - Throws: What `body` throws, and what ``init(golden:options:copyingTo:)``
  ///   and ``finish(after:provenance:)`` throw.
  package static func run(
    _ golden: any RunReader, options: ReplayOptions = .init(), _ body: (Probe) throws -> Void
  ) throws -> RunComparison {
    let replay = try Replay(golden: golden, options: options)
    do {
      try body(replay.probe)
    } catch {
      return try replay.finish(after: error)
    }
    return try replay.finish()
  }

  /// Replays an asynchronous model from its beginning to its end.
  ///
  /// - Parameters:
  ///   - golden: The run that the model is to reproduce.
  ///   - options: Under which rules.
  ///   - body: Runs the model, which announces its steps and module calls to the probe.
  /// - Returns: What the comparison came to.
  /// - Throws: What `body` throws, and what ``init(golden:options:copyingTo:)``
  ///   and ``finish(after:provenance:)`` throw.
  package static func run(
    _ golden: any RunReader, options: ReplayOptions = .init(),
    isolation: isolated (any Actor)? = #isolation, _ body: (Probe) async throws -> Void
  ) async throws -> RunComparison {
    let replay = try Replay(golden: golden, options: options)
    do {
      try await body(replay.probe)
    } catch {
      return try replay.finish(after: error)
    }
    return try replay.finish()
  }
}

extension Replay {
  /// What is captured when a golden is replayed: what was captured when it was recorded.
  ///
  /// A golden that does not say is taken to hold everything. Where it holds all steps of its recipe,
  /// all steps are captured, so that one too many is seen.
  ///
  /// - Throws: ``AssayCapture/CaptureError`` for a configuration that cannot be read.
  package static func configuration(for golden: any RunReader) throws -> CaptureConfiguration {
    try configuration(for: golden, [])
  }

  /// Which calls a golden would have if its model had them: where modules are mapped, everything is
  /// captured, whatever the golden's patterns for its own names say.
  package static func loneCalls(
    of golden: any RunReader
  ) throws -> @Sendable (CallKey) -> Bool {
    let filter = try configuration(for: golden).modules
    // A call of which nobody knows whether it was to be recorded counts.
    return { (try? filter.matches($0.module, call: $0.index)) ?? true }
  }

  static func configuration(
    for golden: any RunReader, _ deviceMap: [(actual: Device, expected: Device)]
  ) throws -> CaptureConfiguration {
    guard let value = golden.manifest.configuration, value != .null else {
      var everything = CaptureConfiguration()
      everything.steps = []
      return everything
    }
    var configuration = try CaptureConfiguration(value)
    // There is a recording, whatever the switch says.
    configuration.isEnabled = true
    if let steps = golden.manifest.recipe?.steps, steps > 0,
      (0..<steps).allSatisfy(configuration.steps.contains)
    {
      configuration.steps = []
    }
    for (actual, expected) in deviceMap where configuration.devices.contains(expected) {
      configuration.devices.insert(actual)
    }
    return configuration
  }
}
