public import Assay

/// Fails the test unless single modules, run on a golden's inputs, give the golden's outputs.
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
///   - body: Runs the module. Its errors fail the test; the assertion itself never throws.
public func assertModule<Output: Capturable>(
  _ golden: String, matching pattern: String, tolerance: Tolerance? = nil,
  fileID: StaticString = #fileID, filePath: StaticString = #filePath, line: UInt = #line,
  column: UInt = #column, function: StaticString = #function,
  _ body: (ModuleInputs) throws -> Output
) rethrows {
  let assertion = Assertion(
    golden: golden,
    site: TestSite(
      fileID: fileID, filePath: filePath, line: line, column: column, function: function))
  do {
    assertion.judge(
      try verifyModule(
        golden, matching: pattern, tolerance: tolerance, fileID: fileID, filePath: filePath,
        line: line, column: column, function: function, body))
  } catch {
    assertion.fail(error)
  }
}

/// Fails the test unless single asynchronous modules, run on a golden's inputs, give its outputs.
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
///   - body: Runs the module. Its errors fail the test; the assertion itself never throws.
public func assertModule<Output: Capturable>(
  _ golden: String, matching pattern: String, tolerance: Tolerance? = nil,
  fileID: StaticString = #fileID, filePath: StaticString = #filePath, line: UInt = #line,
  column: UInt = #column, function: StaticString = #function,
  isolation: isolated (any Actor)? = #isolation, _ body: (ModuleInputs) async throws -> Output
) async rethrows {
  let assertion = Assertion(
    golden: golden,
    site: TestSite(
      fileID: fileID, filePath: filePath, line: line, column: column, function: function))
  do {
    assertion.judge(
      try await verifyModule(
        golden, matching: pattern, tolerance: tolerance, fileID: fileID, filePath: filePath,
        line: line, column: column, function: function, body))
  } catch {
    assertion.fail(error)
  }
}
