public import AssayRuns
import AssayTensors

/// What a model holds to announce its module calls.
///
/// The dotted path comes from scopes, so a module need not know its parents:
///
/// ```swift
/// let layer = probe.scope("model.layers.0")
/// let normed = try layer("input_layernorm", hidden) { try norm($0) }  // inputs_0, outputs
/// let (q, k) = try layer("rotary_emb", q, k) { try rotate($0, $1) }  // …, outputs_0, outputs_1
/// ```
public struct Probe: Sendable {
  let recorder: Recorder?
  private let path: String

  /// A probe that records nothing: it costs one branch per call.
  public static let detached = Probe(recorder: nil, path: "")

  init(recorder: Recorder?, path: String) {
    self.recorder = recorder
    self.path = path
  }

  /// The probe of a part of the model.
  ///
  /// - Parameter name: A module's name or a dotted path, below this probe's own.
  public func scope(_ name: String) -> Probe {
    recorder == nil ? self : Probe(recorder: recorder, path: qualified(name))
  }

  /// Runs one forward of the root module as one step.
  ///
  /// When it returns, the step is on disk. A forward that throws leaves no step behind, and the
  /// next one takes its number.
  ///
  /// - Parameter rows: Which token each row of the step's tensors belongs to, so that the run can be
  ///   compared with one whose batches were cut otherwise; `nil` where that is not known.
  /// - Throws: What `body` throws, and ``CaptureError`` or a writer's error.
  public func step<Result>(
    rows: StepRows? = nil, _ body: () throws -> Result
  ) throws -> Result {
    guard let recorder else { return try body() }
    try recorder.beginStep()
    let result: Result
    do {
      result = try body()
    } catch {
      recorder.discardStep()
      throw error
    }
    try recorder.endStep(rows: rows)
    return result
  }

  /// What the run under way says that it runs, such as a golden's token ids.
  ///
  /// - Throws: ``CaptureError/noRecipe`` for a detached probe and a run without one.
  public var recipe: Recipe {
    get throws {
      guard let recipe = recorder?.manifest.recipe else { throw CaptureError.noRecipe }
      return recipe
    }
  }

  func qualified(_ name: String) -> String {
    path.isEmpty ? name : name.isEmpty ? path : path + "." + name
  }
}

extension Probe {
  /// Announces a module call that returns one value, recorded as `outputs`.
  ///
  /// - Parameters:
  ///   - name: The module's name below this probe's scope.
  ///   - inputs: What the module is given: `inputs_0`, `inputs_1`, …; a ``Keyword`` is recorded
  ///     under its own name.
  ///   - body: The module's forward.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws, and ``CaptureError`` or a writer's error.
  public func callAsFunction<each Input: Capturable, Output: Capturable>(
    _ name: String, _ inputs: repeat each Input, body: (repeat each Input) throws -> Output
  ) throws -> Output {
    guard let recorder, let call = try recorder.beginCall(qualified(name)) else {
      return try body(repeat each inputs)
    }
    defer { recorder.endCall(call) }
    let substitution = recorder.substitution(for: call)
    defer { withExtendedLifetime(substitution) {} }
    let given = try recorder.enter(call, substitution, repeat each inputs)
    let output = try body(repeat each given)
    try recorder.recordAfterForward(call, repeat each given)
    return try recorder.leave(call, substitution, output)
  }

  /// Announces a module call that returns several values, recorded as `outputs_0`, `outputs_1`, ….
  ///
  /// - Parameters:
  ///   - name: The module's name below this probe's scope.
  ///   - inputs: What the module is given: `inputs_0`, `inputs_1`, …; a ``Keyword`` is recorded
  ///     under its own name.
  ///   - body: The module's forward.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws, and ``CaptureError`` or a writer's error.
  public func callAsFunction<each Input: Capturable, each Output: Capturable>(
    _ name: String, _ inputs: repeat each Input,
    body: (repeat each Input) throws -> (repeat each Output)
  ) throws -> (repeat each Output) {
    guard let recorder, let call = try recorder.beginCall(qualified(name)) else {
      return try body(repeat each inputs)
    }
    defer { recorder.endCall(call) }
    let substitution = recorder.substitution(for: call)
    defer { withExtendedLifetime(substitution) {} }
    let given = try recorder.enter(call, substitution, repeat each inputs)
    let outputs = try body(repeat each given)
    try recorder.recordAfterForward(call, repeat each given)
    return try recorder.leave(call, substitution, all: repeat each outputs)
  }
}
