/// What keeps a report from being written.
public enum ReportError: Error, Equatable, Sendable {
  /// The file of the step's summary cannot be written.
  case unwritableSummary(path: String, reason: String)
  /// The step's summary has no room left, not even for a sentence.
  case fullSummary(path: String, limit: Int)
}

extension ReportError: CustomStringConvertible {
  /// What is wrong, in one sentence.
  public var description: String {
    switch self {
    case .unwritableSummary(let path, let reason):
      "the step summary \(path) could not be written: \(reason)"
    case .fullSummary(let path, let limit):
      "the step summary \(path) is full: it may have \(limit) bytes"
    }
  }
}
