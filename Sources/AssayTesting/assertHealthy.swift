public import Assay
import Foundation

/// Fails the test unless a golden is healthy: no NaN, no infinity, no number near the limits of its
/// dtype, no dead output, no mask that hides everything.
///
/// The failure's text names the call that shows it first and what that was given; the whole report
/// is an attachment of the test and a file under `.build/assay`.
///
/// - Parameters:
///   - golden: The golden's name: `a/b` is the file `Golden/a/b.h5` of the test's package.
///   - options: What of it is checked; without them everything.
///   - fileID: The caller's file, as `Module/File.swift`.
///   - filePath: The caller's file; `Golden` is looked for in its package.
///   - line: The caller's line.
///   - column: The caller's column.
///   - function: The caller's name, which names the report.
public func assertHealthy(
  _ golden: String, options: HealthOptions = .init(), fileID: StaticString = #fileID,
  filePath: StaticString = #filePath, line: UInt = #line, column: UInt = #column,
  function: StaticString = #function
) {
  let assertion = Assertion(
    golden: golden,
    site: TestSite(
      fileID: fileID, filePath: filePath, line: line, column: column, function: function))
  do {
    assertion.judge(try verifyHealth(of: golden, options: options, filePath: filePath))
  } catch {
    assertion.fail(error)
  }
}

/// Fails the test unless a recorded run is healthy.
///
/// - Parameters:
///   - path: A run's directory, a directory that holds exactly one run, or an `.h5` file.
///   - options: What of it is checked; without them everything.
///   - fileID: The caller's file, as `Module/File.swift`.
///   - filePath: The caller's file; `Golden` is looked for in its package.
///   - line: The caller's line.
///   - column: The caller's column.
///   - function: The caller's name, which names the report.
public func assertHealthy(
  run path: String, options: HealthOptions = .init(), fileID: StaticString = #fileID,
  filePath: StaticString = #filePath, line: UInt = #line, column: UInt = #column,
  function: StaticString = #function
) {
  let assertion = Assertion(
    run: URL(filePath: path).lastPathComponent,
    site: TestSite(
      fileID: fileID, filePath: filePath, line: line, column: column, function: function))
  do {
    assertion.judge(try verifyHealth(ofRun: path, options: options))
  } catch {
    assertion.fail(error)
  }
}

/// Fails the test unless a model runs healthy: every tensor that it announces is measured and
/// dropped.
///
/// Errors of the closure fail the test too: the assertion itself never throws.
///
/// - Parameters:
///   - golden: The golden that gives `probe.recipe` and the inputs; `nil` for a model that needs
///     none.
///   - recipe: What the model is run with, where there is no golden.
///   - capturing: What is captured; `nil` for everything in all steps.
///   - fileID: The caller's file, as `Module/File.swift`.
///   - filePath: The caller's file; `Golden` is looked for in its package.
///   - line: The caller's line.
///   - column: The caller's column.
///   - function: The caller's name, which names the report.
///   - model: Runs the model and passes it the probe.
public func assertHealthy(
  golden: String? = nil, recipe: Recipe? = nil, capturing: CaptureConfiguration? = nil,
  fileID: StaticString = #fileID, filePath: StaticString = #filePath, line: UInt = #line,
  column: UInt = #column, function: StaticString = #function,
  _ model: (Probe) throws -> Void
) rethrows {
  let assertion = Assertion(
    run: golden ?? "live",
    site: TestSite(
      fileID: fileID, filePath: filePath, line: line, column: column, function: function))
  do {
    assertion.judge(
      try verifyHealth(
        golden: golden, recipe: recipe, capturing: capturing, filePath: filePath, model))
  } catch {
    assertion.fail(error)
  }
}

/// Fails the test unless an asynchronous model runs healthy.
///
/// - Parameters:
///   - golden: The golden that gives `probe.recipe` and the inputs; `nil` for a model that needs
///     none.
///   - recipe: What the model is run with, where there is no golden.
///   - capturing: What is captured; `nil` for everything in all steps.
///   - isolation: The actor that the closure runs on: the caller's.
///   - fileID: The caller's file, as `Module/File.swift`.
///   - filePath: The caller's file; `Golden` is looked for in its package.
///   - line: The caller's line.
///   - column: The caller's column.
///   - function: The caller's name, which names the report.
///   - model: Runs the model and passes it the probe.
public func assertHealthy(
  golden: String? = nil, recipe: Recipe? = nil, capturing: CaptureConfiguration? = nil,
  fileID: StaticString = #fileID, filePath: StaticString = #filePath, line: UInt = #line,
  column: UInt = #column, function: StaticString = #function,
  isolation: isolated (any Actor)? = #isolation, _ model: (Probe) async throws -> Void
) async rethrows {
  let assertion = Assertion(
    run: golden ?? "live",
    site: TestSite(
      fileID: fileID, filePath: filePath, line: line, column: column, function: function))
  do {
    assertion.judge(
      try await verifyHealth(
        golden: golden, recipe: recipe, capturing: capturing, filePath: filePath, model))
  } catch {
    assertion.fail(error)
  }
}
