public import Assay

/// Replays a model against a golden and returns what the comparison came to.
///
/// Every tensor that the model announces is compared as it is produced and then dropped. The golden
/// gives the inputs: `probe.recipe` has the prompt's tokens.
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
/// - Returns: The comparison, of which `isMatch` is the verdict.
/// - Throws: What `replay` throws, ``ReplayTestError``, and the errors of the golden's file.
public func verifyReplay(
  _ golden: String, recipe: Recipe? = nil, record: RecordMode? = nil, tolerance: Tolerance? = nil,
  isolated: Bool = false, stopAtFirstDivergence: Bool = false, mapping: Mapping? = nil,
  capturing: CaptureConfiguration? = nil, fileID: StaticString = #fileID,
  filePath: StaticString = #filePath, line: UInt = #line, column: UInt = #column,
  function: StaticString = #function, _ replay: (Probe) throws -> Void
) throws -> RunComparison {
  let site = TestSite(
    fileID: fileID, filePath: filePath, line: line, column: column, function: function)
  return try ReplayRequest(
    golden: golden, recipe: recipe, record: record, tolerance: tolerance, isIsolated: isolated,
    stopsAtFirstDivergence: stopAtFirstDivergence, mapping: mapping, capturing: capturing,
    site: site
  ).run(replay)
}

/// Replays an asynchronous model against a golden and returns what the comparison came to.
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
/// - Returns: The comparison, of which `isMatch` is the verdict.
/// - Throws: What `replay` throws, ``ReplayTestError``, and the errors of the golden's file.
public func verifyReplay(
  _ golden: String, recipe: Recipe? = nil, record: RecordMode? = nil, tolerance: Tolerance? = nil,
  isolated: Bool = false, stopAtFirstDivergence: Bool = false, mapping: Mapping? = nil,
  capturing: CaptureConfiguration? = nil, fileID: StaticString = #fileID,
  filePath: StaticString = #filePath, line: UInt = #line, column: UInt = #column,
  function: StaticString = #function, isolation: isolated (any Actor)? = #isolation,
  _ replay: (Probe) async throws -> Void
) async throws -> RunComparison {
  let site = TestSite(
    fileID: fileID, filePath: filePath, line: line, column: column, function: function)
  return try await ReplayRequest(
    golden: golden, recipe: recipe, record: record, tolerance: tolerance, isIsolated: isolated,
    stopsAtFirstDivergence: stopAtFirstDivergence, mapping: mapping, capturing: capturing,
    site: site
  ).run(replay)
}

extension ReplayRequest {
  /// Runs the model and settles the outcome.
  func run(_ replay: (Probe) throws -> Void) throws -> RunComparison {
    let session = try ReplaySession(self)
    do { try replay(session.probe) } catch { return try session.finish(after: error) }
    return try session.finish()
  }

  /// The same for an asynchronous model.
  func run(
    isolation: isolated (any Actor)? = #isolation, _ replay: (Probe) async throws -> Void
  ) async throws -> RunComparison {
    let session = try ReplaySession(self)
    do { try await replay(session.probe) } catch { return try session.finish(after: error) }
    return try session.finish()
  }
}
