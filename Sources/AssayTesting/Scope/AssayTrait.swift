public import AssayComparison
public import Foundation
public import Testing

/// Chooses for all replays of a test, or of every test of a suite, that do not choose themselves.
public struct AssayTrait: TestTrait, SuiteTrait, TestScoping {
  let record: RecordMode?
  let tolerance: Tolerance?
  let goldens: URL?

  /// Whether the suites and tests inside a suite have the trait too: they do.
  public var isRecursive: Bool { true }

  /// Runs a test in the trait's scope.
  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await withAssay(
      record: record, tolerance: tolerance, goldens: goldens, function)
  }
}

extension Trait where Self == AssayTrait {
  /// Chooses how replays record and compare.
  ///
  /// - Parameters:
  ///   - record: When goldens are recorded anew; `nil` leaves it to the suite or the environment.
  ///   - tolerance: The rule under which two tensors are close; `nil` leaves it to the suite, or to
  ///     the `tolerances.yml` beside the golden.
  ///   - goldens: The folder of the goldens among the test's resources, for devices, which have no
  ///     checkout; where the test's package is at hand, its `Golden` is taken.
  public static func assay(
    record: RecordMode? = nil, tolerance: Tolerance? = nil, goldens: URL? = nil
  ) -> Self {
    AssayTrait(record: record, tolerance: tolerance, goldens: goldens)
  }
}
