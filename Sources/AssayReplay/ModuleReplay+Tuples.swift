package import AssayCapture
package import AssayComparison
package import AssayRuns
package import AssayTensors

extension ModuleReplay {
  /// Runs every recorded call of the modules that a pattern matches, which return tuples.
  ///
  /// - Parameters:
  ///   - golden: The run that the modules are to reproduce.
  ///   - pattern: Which modules; one that matches none makes the comparison fail.
  ///   - options: Under which rules; the modules are always isolated.
  ///   - body: Runs one module.
  /// - Returns: What the comparison of the outputs came to.
  /// - Throws: ``ReplayError/moduleFailed(_:reason:)`` where `body` throws, its other cases for
  ///   inputs that the golden lacks, and ``AssayRuns/RunError`` for those that cannot be read.
  package static func compare<each Output: Capturable>(
    golden: any RunReader, matching pattern: ModulePattern, options: ReplayOptions = .init(),
    _ body: (ModuleInputs) throws -> (repeat each Output)
  ) throws -> RunComparison {
    let session = ModuleSession(golden, pattern, options)
    steps: for step in session.steps {
      session.begin(step)
      for inputs in step.inputs {
        let output: (repeat each Output)
        do {
          output = try body(inputs)
        } catch {
          throw ModuleSession.failure(of: inputs, error)
        }
        guard try session.receive(repeat each output, for: inputs) else { break steps }
      }
      session.end(step)
    }
    return try session.finish()
  }

  /// Runs every recorded call of the asynchronous modules that a pattern matches and
  /// which return tuples, one by one.
  ///
  /// - Parameters:
  ///   - golden: The run that the modules are to reproduce.
  ///   - pattern: Which modules; one that matches none makes the comparison fail.
  ///   - options: Under which rules; the modules are always isolated.
  ///   - body: Runs one module.
  /// - Returns: What the comparison of the outputs came to.
  /// - Throws: ``ReplayError/moduleFailed(_:reason:)`` where `body` throws, its other cases for
  ///   inputs that the golden lacks, and ``AssayRuns/RunError`` for those that cannot be read.
  package static func compare<each Output: Capturable>(
    golden: any RunReader, matching pattern: ModulePattern, options: ReplayOptions = .init(),
    isolation: isolated (any Actor)? = #isolation,
    _ body: (ModuleInputs) async throws -> (repeat each Output)
  ) async throws -> RunComparison {
    let session = ModuleSession(golden, pattern, options)
    steps: for step in session.steps {
      session.begin(step)
      for inputs in step.inputs {
        let output: (repeat each Output)
        do {
          output = try await body(inputs)
        } catch {
          throw ModuleSession.failure(of: inputs, error)
        }
        guard try session.receive(repeat each output, for: inputs) else { break steps }
      }
      session.end(step)
    }
    return try session.finish()
  }
}
