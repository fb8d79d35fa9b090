import AssayCapture
import AssayCheckpoints
import AssayRuns
import Foundation

/// The rotary position embedding: a table of cosines and sines for the positions of a step.
package struct RotaryEmbedding: Sendable {
  /// The base of the frequencies.
  package var base: Double { didSet { updateFrequencies() } }
  /// How frequencies are stretched.
  package var scaling: LlamaConfiguration.RotaryScaling? { didSet { updateFrequencies() } }
  /// The turning angle per position, for each pair of elements.
  package private(set) var inverseFrequencies: [Float] = []
  private let headDimension: Int
  private let rounding: Rounding

  init(
    base: Double, scaling: LlamaConfiguration.RotaryScaling?, headDimension: Int,
    rounding: Rounding
  ) {
    self.base = base
    self.scaling = scaling
    self.headDimension = headDimension
    self.rounding = rounding
    updateFrequencies()
  }

  /// The cosines and sines of positions: two activations of shape [1, positions, headDimension].
  func callAsFunction(_ positions: TokenVector) -> RotaryTables {
    let half = headDimension / 2
    let shape = [1, positions.values.count, headDimension]
    func table(_ function: (Float) -> Float) -> Activation {
      Activation(shape: shape, dtype: rounding.dtype) { result in
        for (row, position) in positions.values.enumerated() {
          for (i, frequency) in inverseFrequencies.enumerated() {
            let value = function(Float(position) * frequency)
            result[row * headDimension + i] = value
            result[row * headDimension + half + i] = value
          }
        }
        rounding.round(result)
      }
    }
    return RotaryTables(cosines: table(cos), sines: table(sin))
  }

  private mutating func updateFrequencies() {
    inverseFrequencies = stride(from: 0, to: headDimension, by: 2).map { i in
      let exponent = Float(i) / Float(headDimension)
      return stretched(1 / Float(pow(Double(Float(base)), Double(exponent))))
    }
  }

  private func stretched(_ frequency: Float) -> Float {
    switch scaling {
    case nil: frequency
    case .linear(let factor)?: frequency / Float(factor)
    case .llama3(let scaling)?: stretched(frequency, by: scaling)
    }
  }

  /// Llama 3's rule: high frequencies stay, low ones are divided, those between are blended.
  private func stretched(
    _ frequency: Float, by scaling: Llama3Scaling
  ) -> Float {
    let factor = Float(scaling.factor)
    let positions = Double(scaling.originalMaximumPositions)
    let wavelength = Float(2 * Double.pi) / frequency
    if wavelength > Float(positions / scaling.lowFrequencyFactor) { return frequency / factor }
    if wavelength < Float(positions / scaling.highFrequencyFactor) { return frequency }
    let smooth =
      (Float(positions) / wavelength - Float(scaling.lowFrequencyFactor))
      / Float(scaling.highFrequencyFactor - scaling.lowFrequencyFactor)
    return (1 - smooth) * frequency / factor + smooth * frequency
  }
}

/// The cosines and sines of one step's positions.
struct RotaryTables: Capturable {
  let cosines: Activation
  let sines: Activation

  var capturedValue: CapturedValue {
    get throws { .tuple([try cosines.capturedValue, try sines.capturedValue]) }
  }

  func replacingTensors(_ replacement: TensorReplacement) throws -> RotaryTables {
    RotaryTables(
      cosines: try cosines.replacingTensors(replacement.appending("0")),
      sines: try sines.replacingTensors(replacement.appending("1")))
  }

  /// Turns heads in place: `x · cos + rotate_half(x) · sin`, each product and the sum rounded.
  ///
  /// - Parameters:
  ///   - values: Rows of heads, one row for each position.
  ///   - heads: The number of heads in a row.
  func rotate(_ values: UnsafeMutableBufferPointer<Float>, heads: Int, _ rounding: Rounding) {
    let size = cosines.columns
    let half = size / 2
    cosines.values.withUnsafeBufferPointer { cosines in
      sines.values.withUnsafeBufferPointer { sines in
        for row in 0..<cosines.count / max(size, 1) {
          for head in 0..<heads {
            let first = (row * heads + head) * size
            for i in 0..<half {
              let (a, b) = (values[first + i], values[first + half + i])
              let (low, high) = (row * size + i, row * size + half + i)
              values[first + i] = rounding.round(
                rounding.round(a * cosines[low]) + rounding.round(-b * sines[low]))
              values[first + half + i] = rounding.round(
                rounding.round(b * cosines[high]) + rounding.round(a * sines[high]))
            }
          }
        }
      }
    }
  }
}
