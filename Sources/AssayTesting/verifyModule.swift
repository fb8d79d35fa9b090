public import Assay

/// Replays single modules on a golden's inputs and returns what the comparison came to.
///
/// For every recorded call whose module matches the pattern, the closure gets the golden's inputs
/// and returns the module's output, which is compared with the golden's. It works without the whole
/// model: a port in progress tests the layers that it has.
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
public func verifyModule<Output: Capturable>(
  _ golden: String, matching pattern: String, tolerance: Tolerance? = nil,
  fileID: StaticString = #fileID, filePath: StaticString = #filePath, line: UInt = #line,
  column: UInt = #column, function: StaticString = #function,
  _ body: (ModuleInputs) throws -> Output
) throws -> RunComparison {
  let site = TestSite(
    fileID: fileID, filePath: filePath, line: line, column: column, function: function)
  let request = ModuleRequest(golden: golden, pattern: pattern, tolerance: tolerance, site: site)
  return try request.run(body)
}

/// Replays single asynchronous modules on a golden's inputs and returns what the comparison came to.
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
public func verifyModule<Output: Capturable>(
  _ golden: String, matching pattern: String, tolerance: Tolerance? = nil,
  fileID: StaticString = #fileID, filePath: StaticString = #filePath, line: UInt = #line,
  column: UInt = #column, function: StaticString = #function,
  isolation: isolated (any Actor)? = #isolation, _ body: (ModuleInputs) async throws -> Output
) async throws -> RunComparison {
  let site = TestSite(
    fileID: fileID, filePath: filePath, line: line, column: column, function: function)
  let request = ModuleRequest(golden: golden, pattern: pattern, tolerance: tolerance, site: site)
  return try await request.run(body)
}
