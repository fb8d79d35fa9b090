import Foundation
import NDArrays

public struct Linear: Sendable {
  public var weight: NDArray
  public var bias: NDArray

  public func callAsFunction(_ x: NDArray) -> NDArray {
    x.times(transposed: weight).mapRows { zip($0, bias.values).map { $0 + $1 } }
  }
}

public struct LayerNorm: Sendable {
  public var weight: NDArray
  public var bias: NDArray
  public var epsilon: Float = 1e-5

  public func callAsFunction(_ x: NDArray) -> NDArray {
    x.mapRows { row in
      let count = Float(row.count)
      let mean = row.reduce(0, +) / count
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
      let scale = 1 / (variance + epsilon).squareRoot()
      return zip(row, zip(weight.values, bias.values)).map { ($0 - mean) * scale * $1.0 + $1.1 }
    }
  }
}

public struct GELU: Sendable {
  /// PyTorch's `approximate="tanh"`.
  public var usesTanh = false

  public func callAsFunction(_ x: NDArray) -> NDArray {
    usesTanh
      ? x.map { $0 / 2 * (1 + tanh((2 / Float.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
      : x.map { $0 / 2 * (1 + erf($0 / Float(2).squareRoot())) }
  }
}
