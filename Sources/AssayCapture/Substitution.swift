import AssayRuns
import AssayTensors

/// Puts the tensors of a source in the place of a call's own.
final class Substitution {
  let call: RecordedCall
  /// What values of the side under way point into.
  var keptAlive: [Tensor] = []
  private let source: any TensorSource
  private var devices: [Slot: Device] = [:]

  init(_ source: any TensorSource, call: RecordedCall) {
    self.source = source
    self.call = call
  }

  /// Turns to one side of the call.
  ///
  /// - Parameter live: The side's own tensors.
  func begin(_ side: Slot.Side, live: [(slot: Slot, tensor: Tensor)]) {
    devices = Dictionary(live.map { ($0.slot, $0.tensor.device) }, uniquingKeysWith: { $1 })
    keptAlive = []
  }

  func tensor(in slot: Slot) throws -> Tensor? {
    guard let device = devices[slot] else { return nil }
    let tensor = try source.tensor(of: call.key, slot: slot, device: device)
    return tensor?.contiguous().aligned().on(device)
  }

  /// The inputs that the body is given.
  func inputs<each Input: Capturable>(_ inputs: repeat each Input) throws -> (repeat each Input) {
    let side = TensorReplacement(slot: Slot(Slot.Side.inputs.rawValue), substitution: self)
    var position = 0
    func replaced<Value: Capturable>(_ input: Value) throws -> Value {
      if let named = input as? any NamedInput {
        return try input.replacingTensors(side.appending(named.name))
      }
      defer { position += 1 }
      return try input.replacingTensors(side.appending(String(position)))
    }
    return (repeat try replaced(each inputs))
  }

  /// What stands in the place of the outputs.
  var outputs: TensorReplacement {
    TensorReplacement(slot: Slot(Slot.Side.outputs.rawValue), substitution: self)
  }

  /// The items of a tuple of outputs that the caller is given.
  func outputs<each Output: Capturable>(
    _ outputs: repeat each Output
  ) throws -> (repeat each Output) {
    let side = self.outputs
    var position = 0
    func replaced<Value: Capturable>(_ output: Value) throws -> Value {
      defer { position += 1 }
      return try output.replacingTensors(side.appending(String(position)))
    }
    return (repeat try replaced(each outputs))
  }
}

extension Tensor {
  /// The same tensor at an address that suits its elements.
  fileprivate func aligned() -> Tensor {
    let isAligned = withContiguousBytes { bytes in
      UInt(bitPattern: bytes.baseAddress) % UInt(max(dtype.scalarByteCount, 1)) == 0
    }
    return isAligned ? self : copied()
  }
}
