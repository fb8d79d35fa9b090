import AssayTensors
import Testing

@testable import AssayLlama

/// Products with weights that are widened block by block.
@Suite struct WeightsTests {
  private static let dtypes: [DType] = [.float32, .bfloat16, .float16]
  private static let columns = 1500
  private static let outputs = 1500

  /// Small integers, whose sums every order and every dtype here has exactly.
  private static func weight(_ output: Int, _ column: Int) -> Float {
    Float((output * 4 + column * 3) % 7 - 3)
  }

  private static func input(_ row: Int, _ column: Int) -> Float {
    Float((column + row) % 5 - 2)
  }

  private static func tensor(_ dtype: DType) throws -> Tensor {
    let values = (0..<outputs).flatMap { output in
      (0..<columns).map { weight(output, $0) }
    }
    let words: [UInt16] =
      switch dtype {
      case .bfloat16: values.map { UInt16($0.bitPattern >> 16) }
      case .float16: values.map { half[Int($0) + 3] }
      default: []
      }
    guard !words.isEmpty else { return try Tensor(values, dtype: .float32, shape: shape()) }
    return try Tensor(words, dtype: dtype, shape: shape())
  }

  /// The bits of -3, -2, … 3 in float16 (IEEE 754 binary16).
  private static let half: [UInt16] = [0xC200, 0xC000, 0xBC00, 0, 0x3C00, 0x4000, 0x4200]

  private static func shape() throws -> Shape { try Shape([outputs, columns]) }

  @Test(arguments: dtypes, [1, 2, 5])
  func blocksLoseAndRepeatNothing(_ dtype: DType, _ threads: Int) throws {
    let weights = Weights(try Self.tensor(dtype), try Rounding(dtype))
    // The weight depends on the output by its remainder only.
    let expected = (0..<3).map { row in
      (0..<7).map { output in
        (0..<Self.columns).reduce(Float(0)) {
          $0 + Self.weight(output, $1) * Self.input(row, $1)
        }
      }
    }
    for rows in [1, 3] {
      let values = (0..<rows).flatMap { row in (0..<Self.columns).map { Self.input(row, $0) } }
      var result = [Float](repeating: .nan, count: rows * Self.outputs)
      values.withUnsafeBufferPointer { values in
        result.withUnsafeMutableBufferPointer { result in
          guard let values = values.baseAddress, let start = result.baseAddress else { return }
          BLAS(threads: threads).multiply(
            Matrix(values, rows: rows, columns: Self.columns), transposed: weights, into: start,
            stride: Self.outputs, accumulates: false)
        }
      }
      let wrong = result.indices.filter {
        result[$0] != expected[$0 / Self.outputs][$0 % Self.outputs % 7]
      }
      #expect(wrong.isEmpty, "\(rows) rows: \(wrong.count) are wrong, first \(wrong.first ?? 0)")
    }
  }

  @Test func memoryThatARunNeedsIsAtLeastItsCache() throws {
    let model = try Llama(checkpoint: GoldenRun.checkpoint)
    let shape = model.configuration
    let cache =
      8 * shape.layerCount * 1_000_000 * shape.keyValueHeadCount * shape.headDimension
    #expect(model.memory(rows: 1, positions: 1_000_000) > cache)
    #expect(model.memory(rows: 1, positions: 8) < 1 << 28)
  }

  @Test func aRunThatCannotFitNamesBothNumbers() {
    #expect(
      "\(LlamaError.insufficientMemory(needed: 20_000_000_000, available: 4_000_000_000))"
        == "the run needs 20000 MB of memory beside the mapped weights, 4000 MB are available: "
        + "take a shorter prompt or fewer steps")
  }
}
