import AssayCapture
import Foundation

/// The gated feed-forward part of a layer: `down(silu(gate(x)) · up(x))`.
package struct MLP: Sendable {
  package var gateProj: Linear
  package var upProj: Linear
  package var downProj: Linear
  let rounding: Rounding

  func callAsFunction(_ input: Activation, rank: Rank, probe: Probe) throws -> Activation {
    let gate = try probe("gate_proj", input) { try gateProj($0) }
    let activated = try probe("act_fn", gate) { MLP.silu($0, rounding) }
    let up = try probe("up_proj", input) { try upProj($0) }
    let down = try probe("down_proj", activated.multiplied(by: up, rounding)) { try downProj($0) }
    return try rank.allReduce(down, rounding)
  }

  /// `x / (1 + exp(-x))`, computed in float32.
  static func silu(_ input: Activation, _ rounding: Rounding) -> Activation {
    Activation(shape: input.shape, dtype: rounding.dtype) { result in
      input.values.withUnsafeBufferPointer { values in
        for i in result.indices { result[i] = values[i] / (1 + exp(-values[i])) }
      }
      rounding.round(result)
    }
  }
}
