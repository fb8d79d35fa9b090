import AssayTensors
import Testing

@testable import AssayLlama

/// Modules by themselves, against what PyTorch's compute from the same inputs.
@Suite struct ModuleTests {
  private static let blas = BLAS(threads: 1)

  @Test(arguments: Fixture.dtypes)
  func roundingIsExact(_ dtype: DType) throws {
    let rounded = try Fixture.activation("rounding.input", dtype)
    let distance = Distance(rounded.values, try Fixture.tensor("rounding.\(dtype)"))
    #expect(distance.differing == 0, "\(distance)")
  }

  @Test(arguments: Fixture.dtypes)
  func capturedBitsArePyTorchs(_ dtype: DType) throws {
    let expected = try Fixture.tensor("rounding.\(dtype)")
    let actual = try Fixture.activation("rounding.input", dtype).tensor()
    #expect(actual.dtype == dtype)
    let actualBytes = actual.withContiguousBytes { Array($0) }
    let expectedBytes = expected.withContiguousBytes { Array($0) }
    let size = dtype.byteCount
    let isNaN = expected.float32Values().map(\.isNaN)
    for element in isNaN.indices where !isNaN[element] {
      let range = element * size..<(element + 1) * size
      #expect(actualBytes[range] == expectedBytes[range], "element \(element)")
    }
  }

  @Test(arguments: Fixture.dtypes)
  func normMatches(_ dtype: DType) throws {
    let norm = RMSNorm(
      weight: try Fixture.activation("norm.weight", dtype).values, epsilon: 1e-5, name: "norm",
      rounding: try Rounding(dtype), blas: ModuleTests.blas)
    let output = try norm(try Fixture.activation("norm.input", dtype))
    let distance = Distance(output.values, try Fixture.tensor("norm.\(dtype)"))
    #expect(distance.relative <= (dtype == .float32 ? 3e-7 : 0), "\(distance)")
  }

  @Test(arguments: Fixture.dtypes)
  func linearWithBiasMatches(_ dtype: DType) throws {
    let linear = Linear(
      weight: Weights(try Fixture.activation("linear.weight", dtype).values),
      bias: try Fixture.activation("linear.bias", dtype).values, inputSize: 48, outputSize: 20,
      name: "linear", rounding: try Rounding(dtype), blas: ModuleTests.blas)
    let input = try Fixture.activation("norm.input", dtype)
    let rows = Activation(shape: [1, 3, 48], dtype: dtype) {
      _ = $0.update(fromContentsOf: input.values[..<(3 * 48)])
    }
    let distance = Distance(
      try linear(rows).values, try Fixture.tensor("linear.\(dtype)"), floor: 1e-2)
    #expect(distance.relative <= (dtype == .float32 ? 1e-5 : 0), "\(distance)")
  }

  @Test(arguments: Fixture.dtypes)
  func siluMatches(_ dtype: DType) throws {
    let output = MLP.silu(try Fixture.activation("silu.input", dtype), try Rounding(dtype))
    let distance = Distance(output.values, try Fixture.tensor("silu.\(dtype)"))
    #expect(distance.relative <= (dtype == .float32 ? 3e-7 : 0), "\(distance)")
  }

  /// 600 keys are more than one block of PyTorch's kernel, whose `exp` is an approximation: in 16
  /// bits a weight now and then rounds to its neighbour.
  @Test(arguments: zip(Fixture.dtypes, [1e-5, 0x1p-7, 0x1p-9] as [Float]))
  func attentionOverSeveralBlocksMatches(_ dtype: DType, _ bound: Float) throws {
    let attention = Attention.bare(heads: 2, keyValueHeads: 1, size: 8, try Rounding(dtype))
    let query = try Fixture.activation("attention.query", dtype)
    let byPosition = Activation(shape: [1, 3, 16], dtype: dtype) { result in
      for row in 0..<3 {
        for i in 0..<16 { result[row * 16 + i] = query.values[(i / 8 * 3 + row) * 8 + i % 8] }
      }
    }
    let layer = KVCache.Layer(
      keys: [try Fixture.activation("attention.keys", dtype).values],
      values: [try Fixture.activation("attention.values", dtype).values])
    let distance = Distance(
      attention.attend(byPosition, layer).values, try Fixture.tensor("attention.\(dtype)"),
      floor: 1e-2)
    #expect(distance.relative <= bound, "\(distance)")
  }

  @Test func wrongRowLengthIsAnError() throws {
    let norm = RMSNorm(
      weight: [1, 1], epsilon: 1e-5, name: "model.norm", rounding: .float32,
      blas: ModuleTests.blas)
    let input = Activation(shape: [1, 2, 3], dtype: .float32) { _ in }
    #expect(
      throws: LlamaError.misshapenValue(
        module: "model.norm", expected: [1, 2, 2], found: [1, 2, 3])
    ) { try norm(input) }
  }
}

extension Attention {
  /// An attention without projections.
  fileprivate static func bare(
    heads: Int, keyValueHeads: Int, size: Int, _ rounding: Rounding
  ) -> Attention {
    let blas = BLAS(threads: 1)
    let none = Linear(
      weight: Weights([]), bias: nil, inputSize: 0, outputSize: 0, name: "", rounding: rounding,
      blas: blas)
    return Attention(
      qProj: none, kProj: none, vProj: none, oProj: none, index: 0, headCount: heads,
      keyValueHeadCount: keyValueHeads, headDimension: size, name: "self_attn",
      rounding: rounding, blas: blas)
  }
}
