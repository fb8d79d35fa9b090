public import AssayComparison

/// What a scope or a trait chose for the replays inside it.
struct AssayScope: Sendable {
  var record: RecordMode?
  var tolerance: Tolerance?

  @TaskLocal static var current = AssayScope()

  /// This scope's choices over those of the scope around it.
  static func nested(_ record: RecordMode?, _ tolerance: Tolerance?) -> AssayScope {
    AssayScope(record: record ?? current.record, tolerance: tolerance ?? current.tolerance)
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
///   - operation: What runs in the scope.
/// - Returns: What `operation` returns.
public func withAssay<Result>(
  record: RecordMode? = nil, tolerance: Tolerance? = nil, _ operation: () throws -> Result
) rethrows -> Result {
  try AssayScope.$current.withValue(.nested(record, tolerance), operation: operation)
}

/// Chooses for all replays of an asynchronous closure that do not choose themselves.
///
/// - Parameters:
///   - record: When goldens are recorded anew; `nil` leaves it to the scope around.
///   - tolerance: The rule under which two tensors are close; `nil` leaves it to the scope around.
///   - isolation: The actor that the closure runs on: the caller's.
///   - operation: What runs in the scope.
/// - Returns: What `operation` returns.
public func withAssay<Result>(
  record: RecordMode? = nil, tolerance: Tolerance? = nil,
  isolation: isolated (any Actor)? = #isolation, _ operation: () async throws -> Result
) async rethrows -> Result {
  try await AssayScope.$current.withValue(.nested(record, tolerance), operation: operation)
}
