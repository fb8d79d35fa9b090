/// What keeps a report from being written.
public enum ReportError: Error, Equatable, Sendable {
  /// The file of the step's summary cannot be written.
  case unwritableSummary(path: String, reason: String)
}

extension ReportError: CustomStringConvertible {
  /// What is wrong, in one sentence.
  public var description: String {
    switch self {
    case .unwritableSummary(let path, let reason):
      "the step summary \(path) could not be written: \(reason)"
    }
  }
}
