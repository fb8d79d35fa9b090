import XCTest

/// A test case whose failures can be tested: XCTest on Linux knows no expected ones.
class CollectingTestCase: XCTestCase {
  private var texts: [String]?

  /// Collects the texts of the failures that a closure makes.
  func failures(of body: () throws -> Void) rethrows -> [String] {
    texts = []
    defer { texts = nil }
    try body()
    return texts ?? []
  }

  override func recordFailure(
    withDescription description: String, inFile filePath: String, atLine lineNumber: Int,
    expected: Bool
  ) {
    if texts == nil {
      super.recordFailure(
        withDescription: description, inFile: filePath, atLine: lineNumber, expected: expected)
    } else {
      texts?.append(description)
    }
  }
}
