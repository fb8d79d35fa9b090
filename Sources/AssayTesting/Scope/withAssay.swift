public import AssayComparison
public import Foundation

/// What a scope or a trait chose for the replays inside it.
struct AssayScope: Sendable {
  var record: RecordMode?
  var tolerance: Tolerance?
  var goldens: URL?

  @TaskLocal static var current = AssayScope()

  /// This scope's choices over those of the scope around it.
  static func nested(
    _ record: RecordMode?, _ tolerance: Tolerance?, _ goldens: URL?
  ) -> AssayScope {
    AssayScope(
      record: record ?? current.record, tolerance: tolerance ?? current.tolerance,
      goldens: goldens ?? current.goldens)
  }
}

/// Chooses for all replays of a closure that do not choose themselves.
///
/// In XCTest, call it from `invokeTest()` to choose for the tests of a class. A detached task or a
/// dispatch queue leaves the scope, as it does every task-local value.
///
/// - Parameters:
///   - record: When goldens are recorded anew; `nil` leaves it to the scope around.
///   - tolerance: The rule under which two tensors are close; `nil` leaves it to the scope around.
///   - goldens: The folder of the goldens among the test's resources, for devices, which have no
///     checkout; where the test's package is at hand, its `Golden` is taken.
///   - operation: What runs in the scope.
/// - Returns: What `operation` returns.
public func withAssay<Result>(
  record: RecordMode? = nil, tolerance: Tolerance? = nil, goldens: URL? = nil,
  _ operation: () throws -> Result
) rethrows -> Result {
  try AssayScope.$current.withValue(.nested(record, tolerance, goldens), operation: operation)
}

/// Chooses for all replays of an asynchronous closure that do not choose themselves.
///
/// - Parameters:
///   - record: When goldens are recorded anew; `nil` leaves it to the scope around.
///   - tolerance: The rule under which two tensors are close; `nil` leaves it to the scope around.
///   - goldens: The folder of the goldens among the test's resources, for devices, which have no
///     checkout; where the test's package is at hand, its `Golden` is taken.
///   - isolation: The actor that the closure runs on: the caller's.
///   - operation: What runs in the scope.
/// - Returns: What `operation` returns.
public func withAssay<Result>(
  record: RecordMode? = nil, tolerance: Tolerance? = nil, goldens: URL? = nil,
  isolation: isolated (any Actor)? = #isolation, _ operation: () async throws -> Result
) async rethrows -> Result {
  try await AssayScope.$current.withValue(.nested(record, tolerance, goldens), operation: operation)
}
