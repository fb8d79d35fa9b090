public import AssayRuns

extension Probe {
  /// Runs one forward of the root module as one step, asynchronously.
  ///
  /// When it returns, the step is on disk. A forward that throws leaves no step behind, and the
  /// next one takes its number.
  ///
  /// - Parameter rows: Which token each row of the step's tensors belongs to, so that the run can be
  ///   compared with one whose batches were cut otherwise; `nil` where that is not known.
  /// - Throws: What `body` throws, and ``CaptureError`` or a writer's error.
  public func step<Result>(
    rows: StepRows? = nil, isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Result
  ) async throws -> Result {
    guard let recorder else { return try await body() }
    try recorder.beginStep()
    let result: Result
    do {
      result = try await body()
    } catch {
      await recorder.discardStep()
      throw error
    }
    try await recorder.endStep(rows: rows)
    return result
  }

  /// Announces an asynchronous module call that returns one value, recorded as `outputs`.
  ///
  /// Calls of one step may overlap; modules that run side by side are numbered and ordered as they
  /// happen to begin and end. All must have ended when the step does. While more waits to be written
  /// than may, the task is suspended, and blocks no thread.
  ///
  /// - Parameters:
  ///   - name: The module's name below this probe's scope.
  ///   - inputs: What the module is given: `inputs_0`, `inputs_1`, …; a ``Keyword`` is recorded
  ///     under its own name.
  ///   - isolation: The actor on which the model runs.
  ///   - body: The module's forward.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws, and ``CaptureError`` or a writer's error.
  public func callAsFunction<each Input: Capturable, Output: Capturable>(
    _ name: String, _ inputs: repeat each Input,
    isolation: isolated (any Actor)? = #isolation,
    body: (repeat each Input) async throws -> Output
  ) async throws -> Output {
    guard let recorder, let call = try recorder.beginCall(qualified(name), suspends: true) else {
      let given = Handed((repeat each inputs))
      return try await body(repeat each given.value)
    }
    defer { recorder.endCall(call) }
    let substitution = recorder.substitution(for: call)
    defer { withExtendedLifetime(substitution) {} }
    let given = Handed(try recorder.enter(call, substitution, repeat each inputs))
    try await recorder.room()
    let output = try await body(repeat each given.value)
    try recorder.recordAfterForward(call, repeat each given.value)
    let result = Handed(try recorder.leave(call, substitution, output))
    try await recorder.room()
    return result.value
  }

  /// Announces an asynchronous module call that returns several values, recorded as `outputs_0`,
  /// `outputs_1`, ….
  ///
  /// - Parameters:
  ///   - name: The module's name below this probe's scope.
  ///   - inputs: What the module is given: `inputs_0`, `inputs_1`, …; a ``Keyword`` is recorded
  ///     under its own name.
  ///   - isolation: The actor on which the model runs.
  ///   - body: The module's forward.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws, and ``CaptureError`` or a writer's error.
  public func callAsFunction<each Input: Capturable, each Output: Capturable>(
    _ name: String, _ inputs: repeat each Input,
    isolation: isolated (any Actor)? = #isolation,
    body: (repeat each Input) async throws -> (repeat each Output)
  ) async throws -> (repeat each Output) {
    guard let recorder, let call = try recorder.beginCall(qualified(name), suspends: true) else {
      let given = Handed((repeat each inputs))
      return try await body(repeat each given.value)
    }
    defer { recorder.endCall(call) }
    let substitution = recorder.substitution(for: call)
    defer { withExtendedLifetime(substitution) {} }
    let given = Handed(try recorder.enter(call, substitution, repeat each inputs))
    try await recorder.room()
    let outputs = try await body(repeat each given.value)
    try recorder.recordAfterForward(call, repeat each given.value)
    let results = Handed(try recorder.leave(call, substitution, all: repeat each outputs))
    try await recorder.room()
    return (repeat each results.value)
  }
}

/// Values on their way into or out of a body that runs where its caller does.
///
/// A body that is not `@Sendable` cannot leave the actor it was written on, which is also the one
/// of the probe's call; the compiler only does not see it through the type of the parameter.
private struct Handed<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) { self.value = value }
}
