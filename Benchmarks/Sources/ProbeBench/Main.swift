import Assay

/// Times a model-like loop with a probe that is off and the same loop without one.
///
/// Arguments: rounds, width of a module's matrix. Prints for each round the seconds of a module
/// without a probe and with one, medians of forwards that are taken in turn.
@main struct Main {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 3, let rounds = Int(arguments[1]), let width = Int(arguments[2]) else {
      print("usage: ProbeBench ROUNDS WIDTH")
      return
    }
    let model = try Model(width: width)
    let modules = Double(Model.layers * Model.names.count)
    for _ in 0..<rounds {
      var (plain, probed) = ([Double](), [Double]())
      // Forwards of a few milliseconds in turn: what else the machine does meets both alike.
      for turn in 0..<80 {
        for isProbed in turn.isMultiple(of: 2) ? [false, true] : [true, false] {
          let clock = ContinuousClock()
          let time = try clock.measure {
            _ = try isProbed ? model.forward(.detached) : model.forward()
          }
          let seconds = time / .seconds(1)
          if isProbed { probed.append(seconds) } else { plain.append(seconds) }
        }
      }
      print(plain.sorted()[40] / modules, probed.sorted()[40] / modules)
    }
  }
}

/// Layers of seven products of a matrix with a vector, as in a decoder's step.
struct Model {
  static let layers = 16
  static let names = [
    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
  ]
  let width: Int
  let weights: [Float]
  let input: Tensor

  init(width: Int) throws {
    self.width = width
    weights = (0..<width * width).map { Float($0 % 7 - 3) / Float(4 * width) }
    input = try Tensor([Float](repeating: 1, count: width), dtype: .float32)
  }

  func forward() throws -> Tensor {
    var hidden = input
    for _ in 0..<Self.layers {
      for _ in Self.names { hidden = try product(hidden) }
    }
    return hidden
  }

  func forward(_ probe: Probe) throws -> Tensor {
    var hidden = input
    for layer in 0..<Self.layers {
      let probe = probe.scope("model.layers.\(layer)")
      for name in Self.names { hidden = try probe(name, hidden) { try product($0) } }
    }
    return hidden
  }

  private func product(_ hidden: Tensor) throws -> Tensor {
    let storage = Storage(byteCount: width * 4) { output in
      let sums = output.bindMemory(to: Float.self)
      hidden.storage.withUnsafeBytes { input in
        let values = input.bindMemory(to: Float.self)
        weights.withUnsafeBufferPointer { weights in
          for row in 0..<width {
            let (value, start) = (values[row], row * width)
            for column in 0..<width { sums[column] += value * weights[start + column] }
          }
        }
      }
    }
    return try Tensor(storage: storage, dtype: .float32, shape: hidden.shape)
  }
}
