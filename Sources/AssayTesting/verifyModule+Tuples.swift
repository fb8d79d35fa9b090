public import Assay

/// Replays single modules that return tuples, and returns what the comparison came to.
///
/// What the closure returns first is compared with `outputs_0`, and so on.
///
/// - Parameters:
///   - golden: The golden's name: `a/b` is the file `Golden/a/b.h5` of the test's package.
///   - pattern: A regular expression that the module's name must match.
///   - tolerance: The rule under which two tensors are close; `nil` leaves it to the scope, the
///     trait and the `tolerances.yml` beside the golden.
///   - fileID: The caller's file, as `Module/File.swift`.
///   - filePath: The caller's file; `Golden` is looked for in its package.
///   - line: The caller's line.
///   - column: The caller's column.
///   - function: The caller's name, which names the report.
///   - body: Runs the module.
/// - Returns: The comparison, of which `isMatch` is the verdict.
/// - Throws: What `body` throws, ``ReplayTestError``, and the errors of the golden's file.
public func verifyModule<each Output: Capturable>(
  _ golden: String, matching pattern: String, tolerance: Tolerance? = nil,
  fileID: StaticString = #fileID, filePath: StaticString = #filePath, line: UInt = #line,
  column: UInt = #column, function: StaticString = #function,
  _ body: (ModuleInputs) throws -> (repeat each Output)
) throws -> RunComparison {
  let site = TestSite(
    fileID: fileID, filePath: filePath, line: line, column: column, function: function)
  let request = ModuleRequest(golden: golden, pattern: pattern, tolerance: tolerance, site: site)
  return try request.run(body)
}

/// Replays single asynchronous modules that return tuples, and returns what it came to.
///
/// - Parameters:
///   - golden: The golden's name: `a/b` is the file `Golden/a/b.h5` of the test's package.
///   - pattern: A regular expression that the module's name must match.
///   - tolerance: The rule under which two tensors are close; `nil` leaves it to the scope, the
///     trait and the `tolerances.yml` beside the golden.
///   - isolation: The actor that the closure runs on: the caller's.
///   - fileID: The caller's file, as `Module/File.swift`.
///   - filePath: The caller's file; `Golden` is looked for in its package.
///   - line: The caller's line.
///   - column: The caller's column.
///   - function: The caller's name, which names the report.
///   - body: Runs the module.
/// - Returns: The comparison, of which `isMatch` is the verdict.
/// - Throws: What `body` throws, ``ReplayTestError``, and the errors of the golden's file.
public func verifyModule<each Output: Capturable>(
  _ golden: String, matching pattern: String, tolerance: Tolerance? = nil,
  fileID: StaticString = #fileID, filePath: StaticString = #filePath, line: UInt = #line,
  column: UInt = #column, function: StaticString = #function,
  isolation: isolated (any Actor)? = #isolation,
  _ body: (ModuleInputs) async throws -> (repeat each Output)
) async throws -> RunComparison {
  let site = TestSite(
    fileID: fileID, filePath: filePath, line: line, column: column, function: function)
  let request = ModuleRequest(golden: golden, pattern: pattern, tolerance: tolerance, site: site)
  return try await request.run(body)
}
