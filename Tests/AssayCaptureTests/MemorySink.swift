import AssayBase
import AssayCapture
import AssayRuns
import AssayTensors
import Synchronization

/// Keeps what a recorder hands out.
final class MemorySink: RunSink {
  enum Event: Equatable {
    case begin(Int)
    case part(CallKey, Slot.Side, [String])
    case end(Int, calls: [CallKey], completionOrder: [Int])
    case discard(Int)
    case finish(isComplete: Bool)
  }

  struct Broken: Error, Equatable {}

  private struct State {
    var events: [Event] = []
    var parts: [CallPart] = []
    var partsBeforeFailure: Int?
  }

  private let state: Mutex<State>

  /// - Parameter failsAfterParts: How many parts are taken before every later one is refused.
  init(failsAfterParts: Int? = nil) {
    state = Mutex(State(partsBeforeFailure: failsAfterParts))
  }

  var events: [Event] { state.withLock { $0.events } }
  var parts: [CallPart] { state.withLock { $0.parts } }

  /// The calls of a step that ended.
  func calls(step: Int = 0) -> [CallKey]? {
    for case .end(step, let calls, _) in events { return calls }
    return nil
  }

  /// The tensors of one side, by slot.
  func tensors(
    _ module: String, _ side: Slot.Side, call: Int = 0, step: Int = 0
  ) -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for part in parts
    where part.call == CallKey(step: step, module: module, index: call) && part.side == side {
      for case .stored(let slot, let tensor) in part.tensors { tensors[slot.rawValue] = tensor }
    }
    return tensors
  }

  func description(_ module: String, _ side: Slot.Side) -> JSONValue? {
    parts.first { $0.call.module == module && $0.side == side }?.description
  }

  func receive(_ event: RunEvent) throws {
    try state.withLock { state in
      if case .captured(let part) = event {
        if let limit = state.partsBeforeFailure, state.parts.count >= limit { throw Broken() }
        state.parts.append(part)
      }
      state.events.append(Event(event))
    }
  }
}

extension MemorySink.Event {
  init(_ event: RunEvent) {
    switch event {
    case .stepBegan(let step): self = .begin(step)
    case .captured(let part):
      let slots = part.tensors.map { tensor in
        switch tensor {
        case .stored(let slot, _): slot.rawValue
        case .skipped(let slot, _): slot.rawValue + " skipped"
        case .notRecorded(let slot, _, _): slot.rawValue + " not recorded"
        }
      }
      self = .part(part.call, part.side, slots)
    case .stepEnded(let step, let calls, let completionOrder, _, _):
      self = .end(step, calls: calls, completionOrder: completionOrder)
    case .stepDiscarded(let step): self = .discard(step)
    case .runEnded(let manifest): self = .finish(isComplete: manifest.isComplete)
    }
  }
}

/// A configuration that records all steps.
func everyStep(_ change: (inout CaptureConfiguration) -> Void = { _ in }) -> CaptureConfiguration {
  var configuration = CaptureConfiguration()
  configuration.steps = []
  change(&configuration)
  return configuration
}

func vector(_ values: [Float], on device: Device = .cpu) throws -> Tensor {
  try Tensor(values, dtype: .float32, device: device)
}

/// A value that a module may change in place.
final class MutableVector: TensorConvertible {
  var values: [Float]

  init(_ values: [Float]) { self.values = values }

  func tensor() throws -> Tensor { try Tensor(values, dtype: .float32) }

  func replaced(by tensor: Tensor) -> MutableVector { MutableVector(tensor.float32Values()) }
}
