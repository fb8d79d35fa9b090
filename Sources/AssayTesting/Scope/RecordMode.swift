/// When a replay records its golden anew; a run that records always fails its test.
public enum RecordMode: String, CaseIterable, Sendable {
  /// Record a golden that is not there yet.
  case missing
  /// Record every golden that a test replays.
  case all
  /// Record a golden that is not there yet or does not match.
  case failed
  /// Record nothing: a golden that is not there fails.
  case never
}

extension RecordMode {
  /// Settles the mode of one replay.
  ///
  /// The environment can only tighten: `ASSAY_RECORD` is the last to choose, but `never` in it, or
  /// `CI=true` without it, beats every other choice.
  ///
  /// - Parameter chosen: What the argument, the scope or the trait chose, in this order.
  /// - Throws: ``ReplayTestError/unknownRecordMode(_:)``.
  static func resolve(
    _ chosen: RecordMode?, in environment: TestEnvironment
  ) throws(ReplayTestError) -> RecordMode {
    guard let value = environment["ASSAY_RECORD"] else {
      return environment.isCI ? .never : chosen ?? .missing
    }
    guard let fallback = RecordMode(rawValue: value) else { throw .unknownRecordMode(value) }
    return fallback == .never ? .never : chosen ?? fallback
  }
}
