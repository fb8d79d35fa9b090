public import Assay

/// Looks through a golden for NaN, infinity and numbers near the limits of their dtype.
///
/// - Parameters:
///   - golden: The golden's name: `a/b` is the file `Golden/a/b.h5` of the test's package.
///   - options: What of it is checked; without them everything.
///   - filePath: The caller's file; `Golden` is looked for in its package.
/// - Returns: What was found, of which `isHealthy` is the verdict.
/// - Throws: ``ReplayTestError``, and the errors of the golden's file.
public func verifyHealth(
  of golden: String, options: HealthOptions = .init(), filePath: StaticString = #filePath
) throws -> RunHealth {
  RunHealth.check(try openGolden(golden, filePath: filePath), options: options)
}

/// Looks through a recorded run for NaN, infinity and numbers near the limits of their dtype.
///
/// - Parameters:
///   - path: A run's directory, a directory that holds exactly one run, or an `.h5` file.
///   - options: What of it is checked; without them everything.
/// - Returns: What was found, of which `isHealthy` is the verdict.
/// - Throws: `RunError`.
public func verifyHealth(
  ofRun path: String, options: HealthOptions = .init()
) throws -> RunHealth {
  RunHealth.check(try openRun(at: path), options: options)
}

/// Runs a model and looks through everything that it announces, which is measured and dropped.
///
/// - Parameters:
///   - golden: The golden that gives `probe.recipe` and the inputs; `nil` for a model that needs
///     none.
///   - recipe: What the model is run with, where there is no golden.
///   - capturing: What is captured; `nil` for everything in all steps.
///   - filePath: The caller's file; `Golden` is looked for in its package.
///   - model: Runs the model and passes it the probe.
/// - Returns: What was found, of which `isHealthy` is the verdict.
/// - Throws: What `model` throws, ``ReplayTestError``, and the errors of the golden's file.
public func verifyHealth(
  golden: String? = nil, recipe: Recipe? = nil, capturing: CaptureConfiguration? = nil,
  filePath: StaticString = #filePath, _ model: (Probe) throws -> Void
) throws -> RunHealth {
  let session = HealthSession(
    golden: try golden.map { try openGolden($0, filePath: filePath) }, recipe: recipe,
    capturing: capturing)
  do { try model(session.probe) } catch { return try session.finish(after: error) }
  return try session.finish()
}

/// Runs an asynchronous model and looks through everything that it announces.
///
/// - Parameters:
///   - golden: The golden that gives `probe.recipe` and the inputs; `nil` for a model that needs
///     none.
///   - recipe: What the model is run with, where there is no golden.
///   - capturing: What is captured; `nil` for everything in all steps.
///   - isolation: The actor that the closure runs on: the caller's.
///   - filePath: The caller's file; `Golden` is looked for in its package.
///   - model: Runs the model and passes it the probe.
/// - Returns: What was found, of which `isHealthy` is the verdict.
/// - Throws: What `model` throws, ``ReplayTestError``, and the errors of the golden's file.
public func verifyHealth(
  golden: String? = nil, recipe: Recipe? = nil, capturing: CaptureConfiguration? = nil,
  filePath: StaticString = #filePath, isolation: isolated (any Actor)? = #isolation,
  _ model: (Probe) async throws -> Void
) async throws -> RunHealth {
  let session = HealthSession(
    golden: try golden.map { try openGolden($0, filePath: filePath) }, recipe: recipe,
    capturing: capturing)
  do { try await model(session.probe) } catch { return try session.finish(after: error) }
  return try session.finish()
}

private func openGolden(_ name: String, filePath: StaticString) throws -> any RunReader {
  let location = try GoldenLocation(file: "\(filePath)", environment: .current)
  return try location.file(of: try GoldenName(name)).open()
}
