import AssayTesting
import AssayTestingSupport
import Synchronization
import Testing

/// Collects the texts of the failures that a closure makes.
func failures(of body: () throws -> Void) throws -> [String] {
  let texts = Mutex<[String]>([])
  try withKnownIssue(isIntermittent: true) {
    try body()
  } matching: { issue in
    texts.withLock { $0.append(issue.comments.map(\.rawValue).joined(separator: "\n")) }
    return true
  }
  return texts.withLock { $0 }
}

/// The same for an asynchronous closure.
func failures(
  isolation: isolated (any Actor)? = #isolation, of body: () async throws -> Void
) async throws -> [String] {
  let texts = Mutex<[String]>([])
  try await withKnownIssue(isIntermittent: true) {
    try await body()
  } matching: { issue in
    texts.withLock { $0.append(issue.comments.map(\.rawValue).joined(separator: "\n")) }
    return true
  }
  return texts.withLock { $0 }
}
