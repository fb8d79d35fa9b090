public import Assay

/// Fails the test unless a model replays a golden.
///
/// The failure's text names the first module that differs; the whole report is an attachment of the
/// test and a file under `.build/assay`. Errors of the closure fail the test too, so that none is
/// lost in a detached task: the assertion itself never throws.
///
/// - Parameters:
///   - golden: The golden's name: `a/b` is the file `Golden/a/b.h5` of the test's package.
///   - recipe: What the model is run with; needed only to record a golden for the first time.
///   - record: When the golden is recorded anew; `nil` leaves it to the scope, the trait and
///     `ASSAY_RECORD`.
///   - tolerance: The rule under which two tensors are close; `nil` leaves it to the scope, the
///     trait and the `tolerances.yml` beside the golden.
///   - isolated: Whether every module runs on the golden's inputs, so that no error is inherited.
///   - stopAtFirstDivergence: Whether the model is stopped at the first tensor that fails.
///   - mapping: By which rules the model's tensors pair with those of a golden whose modules differ,
///     such as `try Mapping(contentsOfFile: "Golden/mapping.yml")`; such a golden is never recorded.
///   - capturing: What is captured where the golden is recorded; `nil` for what the golden has, or
///     else everything.
///   - replay: Runs the model and passes it the probe.
///   - fileID: The caller's file, as `Module/File.swift`.
///   - filePath: The caller's file; `Golden` is looked for in its package.
///   - line: The caller's line.
///   - column: The caller's column.
///   - function: The caller's name, which names the report.
public func assertReplay(
  _ golden: String, recipe: Recipe? = nil, record: RecordMode? = nil, tolerance: Tolerance? = nil,
  isolated: Bool = false, stopAtFirstDivergence: Bool = false, mapping: Mapping? = nil,
  capturing: CaptureConfiguration? = nil, fileID: StaticString = #fileID,
  filePath: StaticString = #filePath, line: UInt = #line, column: UInt = #column,
  function: StaticString = #function, _ replay: (Probe) throws -> Void
) rethrows {
  let assertion = Assertion(
    golden: golden,
    site: TestSite(
      fileID: fileID, filePath: filePath, line: line, column: column, function: function))
  let request = ReplayRequest(
    golden: golden, recipe: recipe, record: record, tolerance: tolerance, isIsolated: isolated,
    stopsAtFirstDivergence: stopAtFirstDivergence, mapping: mapping, capturing: capturing,
    site: assertion.site)
  do {
    let comparison = try request.run(replay)
    assertion.judge(
      comparison, rerecord: request.rerecordCommand(for: comparison.expected.manifest))
  } catch {
    assertion.fail(error)
  }
}

/// Fails the test unless an asynchronous model replays a golden.
///
/// - Parameters:
///   - golden: The golden's name: `a/b` is the file `Golden/a/b.h5` of the test's package.
///   - recipe: What the model is run with; needed only to record a golden for the first time.
///   - record: When the golden is recorded anew; `nil` leaves it to the scope, the trait and
///     `ASSAY_RECORD`.
///   - tolerance: The rule under which two tensors are close; `nil` leaves it to the scope, the
///     trait and the `tolerances.yml` beside the golden.
///   - isolated: Whether every module runs on the golden's inputs, so that no error is inherited.
///   - stopAtFirstDivergence: Whether the model is stopped at the first tensor that fails.
///   - mapping: By which rules the model's tensors pair with those of a golden whose modules differ,
///     such as `try Mapping(contentsOfFile: "Golden/mapping.yml")`; such a golden is never recorded.
///   - capturing: What is captured where the golden is recorded; `nil` for what the golden has, or
///     else everything.
///   - isolation: The actor that the closure runs on: the caller's.
///   - replay: Runs the model and passes it the probe.
///   - fileID: The caller's file, as `Module/File.swift`.
///   - filePath: The caller's file; `Golden` is looked for in its package.
///   - line: The caller's line.
///   - column: The caller's column.
///   - function: The caller's name, which names the report.
public func assertReplay(
  _ golden: String, recipe: Recipe? = nil, record: RecordMode? = nil, tolerance: Tolerance? = nil,
  isolated: Bool = false, stopAtFirstDivergence: Bool = false, mapping: Mapping? = nil,
  capturing: CaptureConfiguration? = nil, fileID: StaticString = #fileID,
  filePath: StaticString = #filePath, line: UInt = #line, column: UInt = #column,
  function: StaticString = #function, isolation: isolated (any Actor)? = #isolation,
  _ replay: (Probe) async throws -> Void
) async rethrows {
  let assertion = Assertion(
    golden: golden,
    site: TestSite(
      fileID: fileID, filePath: filePath, line: line, column: column, function: function))
  let request = ReplayRequest(
    golden: golden, recipe: recipe, record: record, tolerance: tolerance, isIsolated: isolated,
    stopsAtFirstDivergence: stopAtFirstDivergence, mapping: mapping, capturing: capturing,
    site: assertion.site)
  do {
    let comparison = try await request.run(replay)
    assertion.judge(
      comparison, rerecord: request.rerecordCommand(for: comparison.expected.manifest))
  } catch {
    assertion.fail(error)
  }
}
