package import AssayCapture
package import AssayComparison
package import AssayRuns
package import AssayTensors

/// Replays single modules, each by itself: the golden's inputs go in, and what comes out is compared
/// with the golden's outputs.
///
/// No module inherits another's error, and the rest of the model need not exist.
///
/// ```swift
/// let norm = try ModulePattern(#"layers\.\d+\.input_layernorm$"#)
/// let comparison = try ModuleReplay.compare(golden: golden, matching: norm) { inputs in
///   try model.layers[inputs.index(after: "layers")].inputLayernorm(inputs[0])
/// }
/// ```
package enum ModuleReplay {
  /// Runs every recorded call of the modules that a pattern matches.
  ///
  /// - Parameters:
  ///   - golden: The run that the modules are to reproduce.
  ///   - pattern: Which modules; one that matches none makes the comparison fail.
  ///   - options: Under which rules; the modules are always isolated.
  ///   - body: Runs one module.
  /// - Returns: What the comparison of the outputs came to.
  /// - Throws: ``ReplayError/moduleFailed(_:reason:)`` where `body` throws, its other cases for
  ///   inputs that the golden lacks, and ``AssayRuns/RunError`` for those that cannot be read.
  package static func compare<Output: Capturable>(
    golden: any RunReader, matching pattern: ModulePattern, options: ReplayOptions = .init(),
    _ body: (ModuleInputs) throws -> Output
  ) throws -> RunComparison {
    let session = ModuleSession(golden, pattern, options)
    steps: for step in session.steps {
      session.begin(step)
      for inputs in step.inputs {
        let output: Output
        do {
          output = try body(inputs)
        } catch {
          throw ModuleSession.failure(of: inputs, error)
        }
        guard try session.receive(output, for: inputs) else { break steps }
      }
      session.end(step)
    }
    return try session.finish()
  }

  /// Runs every recorded call of the asynchronous modules that a pattern matches, one by one.
  ///
  /// - Parameters:
  ///   - golden: The run that the modules are to reproduce.
  ///   - pattern: Which modules; one that matches none makes the comparison fail.
  ///   - options: Under which rules; the modules are always isolated.
  ///   - body: Runs one module.
  /// - Returns: What the comparison of the outputs came to.
  /// - Throws: ``ReplayError/moduleFailed(_:reason:)`` where `body` throws, its other cases for
  ///   inputs that the golden lacks, and ``AssayRuns/RunError`` for those that cannot be read.
  package static func compare<Output: Capturable>(
    golden: any RunReader, matching pattern: ModulePattern, options: ReplayOptions = .init(),
    isolation: isolated (any Actor)? = #isolation, _ body: (ModuleInputs) async throws -> Output
  ) async throws -> RunComparison {
    let session = ModuleSession(golden, pattern, options)
    steps: for step in session.steps {
      session.begin(step)
      for inputs in step.inputs {
        let output: Output
        do {
          output = try await body(inputs)
        } catch {
          throw ModuleSession.failure(of: inputs, error)
        }
        guard try session.receive(output, for: inputs) else { break steps }
      }
      session.end(step)
    }
    return try session.finish()
  }
}
