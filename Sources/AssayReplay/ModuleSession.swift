import AssayCapture
import AssayComparison
import AssayRuns
import AssayTensors
import Foundation

/// What the two forms of a module replay share.
final class ModuleSession {
  /// One step of the golden with the calls that the pattern matches, in pre-forward order.
  struct Step {
    var index: Int
    var inputs: [ModuleInputs]
    /// Positions in `inputs`.
    var completionOrder: [Int]
  }

  /// All steps of the golden, also those without a matching call.
  let steps: [Step]

  private let golden: any RunReader
  private let pattern: ModulePattern
  private let comparison: LiveComparison
  private let stopsAtFirstDivergence: Bool
  private var hasStopped = false
  /// What is to be said of calls that returned other slots than the golden's.
  private var otherSlots: [CallKey: String] = [:]

  init(_ golden: any RunReader, _ pattern: ModulePattern, _ options: ReplayOptions) {
    self.golden = golden
    self.pattern = pattern
    stopsAtFirstDivergence = options.stopsAtFirstDivergence
    var comparisonOptions = options.comparisonOptions
    comparisonOptions.modules = [pattern]
    comparisonOptions.isIsolated = true
    comparisonOptions.sides = [.outputs]
    comparison = LiveComparison(expected: golden, options: comparisonOptions)
    steps = golden.steps.map { record in
      var positions: [Int: Int] = [:]
      var inputs: [ModuleInputs] = []
      for (position, call) in record.calls.enumerated() where pattern.matches(call.call.module) {
        positions[position] = inputs.count
        inputs.append(ModuleInputs(call, golden: golden, deviceMap: options.deviceMap))
      }
      return Step(
        index: record.index, inputs: inputs,
        completionOrder: record.completionOrder.compactMap { positions[$0] })
    }
  }

  func begin(_ step: Step) {
    comparison.receive(.stepBegan(step.index))
  }

  /// Compares what one module returned.
  ///
  /// - Returns: Whether the next module is to run.
  func receive<each Output: Capturable>(
    _ output: repeat each Output, for inputs: ModuleInputs
  ) throws -> Bool {
    var values: [CapturedValue] = []
    do {
      repeat values.append(try OpenedValue.captured(each output))
    } catch {
      throw ModuleSession.failure(of: inputs, error)
    }
    let value = values.only ?? .tuple(values)
    let side = Slot.Side.outputs
    let root = Slot(side.rawValue)
    let tensors =
      value.tensors(in: root).map { CapturedTensor.stored($0, $1) } + value.unrecorded(in: root)
    compareSlots(tensors.map(\.slot), with: inputs)
    let part = CallPart(
      call: inputs.call, side: side, description: value.description,
      tensors: tensors)
    hasStopped = !comparison.receive(.captured(part)) && stopsAtFirstDivergence
    return !hasStopped
  }

  private func compareSlots(_ slots: [Slot], with inputs: ModuleInputs) {
    guard Set(slots) != Set(inputs.outputs) else { return }
    func list(_ slots: [Slot]) -> String {
      let shown = slots.prefix(8).map(\.rawValue).joined(separator: ", ")
      if slots.isEmpty { return "no tensor" }
      return slots.count > 8 ? "\(shown), … (\(slots.count) in all)" : shown
    }
    otherSlots[inputs.call] =
      "the module returned \(list(slots)), and the golden has \(list(inputs.outputs))"
  }

  /// Says of a tensor that has no pair what the module returned in its place.
  private func addSlots(to result: inout RunComparison) {
    for step in result.steps.indices {
      for module in result.steps[step].modules.indices {
        let reference = result.steps[step].modules[module].call
        guard let text = otherSlots[reference] else { continue }
        for tensor in result.steps[step].modules[module].tensors.indices {
          result.steps[step].modules[module].tensors[tensor].outcome.explainMissing(text)
        }
      }
    }
  }

  func end(_ step: Step) {
    comparison.receive(
      .stepEnded(
        step.index, calls: step.inputs.map(\.call),
        completionOrder: step.completionOrder))
  }

  func finish() throws -> RunComparison {
    var manifest = RunManifest(
      id: UUID().uuidString.lowercased(), provenance: .current(), recipe: golden.manifest.recipe)
    manifest.configuration = golden.manifest.configuration
    var result = try comparison.finish(
      path: "live modules", manifest: manifest, ending: hasStopped ? .stopped : .complete)
    if steps.allSatisfy(\.inputs.isEmpty) {
      let failure = ComparisonFailure.patternMatchesNothing(pattern.source)
      if !result.failures.contains(failure) { result.failures.append(failure) }
    }
    if !otherSlots.isEmpty { addSlots(to: &result) }
    if let note = result.deviceNote { result.notes.append(note) }
    return result
  }

  /// The error of a module, with the call that it belongs to.
  static func failure(of inputs: ModuleInputs, _ error: any Error) -> any Error {
    // These name the call already.
    if error is ReplayError || error is RunError { return error }
    return ReplayError.moduleFailed(inputs.call, reason: "\(error)")
  }
}
