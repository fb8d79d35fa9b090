import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// Transforms against what PyTorch makes of `torch.arange(12.).reshape(3, 4)` and other tensors.
@Suite struct TransformTests {
  private func compare(
    _ actual: Tensor, _ transforms: String, with expected: Tensor
  ) throws -> RunComparison {
    var (ours, theirs) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    ours.add(actual, "x", "outputs")
    theirs.add(expected, "y", "outputs")
    let mapping = try Mapping(
      yaml: "rules: [{actual: x, expected: y, actual_transform: [\(transforms)]}]")
    return try RunComparison.compare(
      actual: ours, expected: theirs, options: .init(tolerance: .exact, mapping: mapping))
  }

  private func floats(_ values: [Float], _ dimensions: [Int]) throws -> Tensor {
    try Tensor(values, dtype: .float32, shape: Shape(dimensions))
  }

  private static let counted = (0..<12).map(Float.init)

  @Test(
    arguments: [
      ([3, 4], "{transpose: [0, 1]}", [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11], [4, 3]),
      ([3, 4], "{transpose: [-1, -2]}", [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11], [4, 3]),
      (
        [1, 3, 4], "{transpose: [1, 2]}, {squeeze: 0}",
        [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11], [4, 3]
      ),
      (
        [3, 4], "{transpose: [0, 1]}, {reshape: [2, -1]}",
        [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11], [2, 6]
      ),
      ([3, 4], "{slice: {axis: 0, start: 1, end: 3}}", [4, 5, 6, 7, 8, 9, 10, 11], [2, 4]),
      ([3, 4], "{slice: {axis: -1, start: 2}}", [2, 3, 6, 7, 10, 11], [3, 2]),
      (
        [3, 4], "{slice: {axis: 1, start: 1, end: 3}}, {transpose: [0, 1]}", [1, 5, 9, 2, 6, 10],
        [2, 3]
      ),
      ([3, 4, 1], "{squeeze: -1}", counted, [3, 4]),
      ([3, 4], "{slice: {axis: 0, start: -1}}", [8, 9, 10, 11], [1, 4]),
      ([3, 4], "{slice: {axis: 1, start: 1, end: -2}}", [1, 5, 9], [3, 1]),
      ([3, 4], "{slice: {axis: 1, start: -3, end: 3}}", [1, 2, 5, 6, 9, 10], [3, 2]),
      ([3, 4], "{part: {axis: -1, index: 1, of: 2}}", [2, 3, 6, 7, 10, 11], [3, 2]),
      ([3, 4], "{part: {axis: 0, index: 2, of: 3}}", [8, 9, 10, 11], [1, 4]),
      ([12], "{reshape: [1, 12]}", counted, [1, 12]),
    ] as [([Int], String, [Float], [Int])])
  func viewsAreThoseOfPyTorch(
    shape: [Int], transforms: String, values: [Float], newShape: [Int]
  ) throws {
    let comparison = try compare(
      floats(Self.counted, shape), transforms, with: floats(values, newShape))
    #expect(comparison.isMatch, "\(comparison.tensor("y", "outputs")?.reason ?? "")")
    #expect(comparison.summary.elements.compared == values.count)
  }

  @Test(
    arguments: [
      ("{squeeze: 0}", "squeeze(0) does not fit a tensor of shape [3, 4], torch.float32: "),
      ("{squeeze: 0}", "the axis has 3 entries, not 1"), ("{squeeze: 2}", "there is no axis 2"),
      ("{squeeze: -3}", "there is no axis -3"),
      ("{squeeze: -281474976710655}", "there is no axis"),
      ("{transpose: [0, 2]}", "there is no axis 2"),
      ("{reshape: [5, -1]}", "its 12 elements do not fill the other axes"),
      ("{reshape: [0, -1]}", "its 12 elements do not fill the other axes"),
      ("{reshape: [5, 2]}", "it has 12 elements, and the shape 10"),
      ("{reshape: [281474976710655, 281474976710655]}", "too many elements"),
      ("{slice: {axis: 1, start: 0, end: 5}}", "the axis has 4 entries"),
      ("{slice: {axis: 1, start: 4}}", "the axis has 4 entries"),
      ("{slice: {axis: 2, start: 0, end: 1}}", "there is no axis 2"),
      ("{slice: {axis: 0, start: -4}}", "the axis has 3 entries"),
      ("{slice: {axis: 0, end: -3}}", "the axis has 3 entries"),
      ("{slice: {axis: 0, start: 2, end: -1}}", "the axis has 3 entries"),
      ("{part: {axis: 0, index: 0, of: 2}}", "3 entries, which are not 2 equal parts"),
      ("{part: {axis: 2, index: 0, of: 2}}", "there is no axis 2"),
      ("{cast: int64}", "only integers are cast to integers"),
    ])
  func aTransformThatDoesNotFitIsUnreadable(transform: String, reason: String) throws {
    let tensor = try floats(Self.counted, [3, 4])
    let comparison = try compare(tensor, transform, with: tensor)
    #expect(!comparison.isMatch)
    let result = comparison.tensor("y", "outputs")
    #expect(result?.verdict == .unreadable)
    #expect(result?.reason?.contains(reason) == true, "\(result?.reason ?? "")")
    #expect(result?.reason?.contains("rule 1 of the mapping does not fit step 0 x outputs") == true)
  }

  @Test func tensorsWithoutElementsKeepTheirAxes() throws {
    let empty = try floats([], [3, 0, 1])
    #expect(
      try !compare(empty, "{squeeze: 2}, {transpose: [0, 1]}", with: floats([], [0, 3])).isMatch)
    let comparison = try compare(
      empty, "{squeeze: 2}, {transpose: [0, 1]}", with: floats([], [0, 3]))
    #expect(comparison.tensor("y", "outputs")?.verdict == .match)
    #expect(comparison.failures == [.nothingCompared])
  }

  /// The bits are those of `tensor.bfloat16()` and `tensor.half()`.
  @Test(
    arguments: [
      (DType.bfloat16, [16256, 16256, 16457, 18304, 45612, 32640, 18304, 15821]),
      (DType.float16, [15360, 15361, 16968, 31744, 32768, 31744, 31743, 11878]),
    ] as [(DType, [UInt16])])
  func castsRoundAsPyTorch(dtype: DType, bits: [UInt16]) throws {
    let values: [Float] = [1, 1.001, 3.14159265, 65520, -1e-8, .infinity, 65503.9, 0.1]
    let comparison = try compare(
      floats(values, [8]), "{cast: \(dtype)}", with: Tensor(bits, dtype: dtype))
    #expect(comparison.isMatch)
  }

  @Test func otherCasts() throws {
    let double = try Tensor([0.1, 1e40, -0.5], dtype: .float64)
    #expect(
      try compare(double, "{cast: float32}", with: floats([0.1, .infinity, -0.5], [3])).isMatch)
    let bits = try Tensor([0x3F80, 0xC000, 0x3DCD] as [UInt16], dtype: .bfloat16)
    #expect(
      try compare(bits, "{cast: float32}", with: floats([1, -2, 0.10009765625], [3])).isMatch)
    #expect(
      try compare(bits, "{cast: float64}", with: Tensor([1, -2, 0.10009765625], dtype: .float64))
        .isMatch)
    let small = try Tensor([-5, 7] as [Int32], dtype: .int32)
    #expect(
      try compare(small, "{cast: int64}", with: Tensor([-5, 7] as [Int64], dtype: .int64)).isMatch)
    let wide = try Tensor([1 << 40, 7] as [Int64], dtype: .int64)
    let refused = try compare(wide, "{cast: int32}", with: small)
    #expect(refused.tensor("y", "outputs")?.reason?.contains("it holds 1099511627776") == true)
    let complex = try Tensor([1, 0] as [Float], dtype: .complex64, shape: .vector(1))
    #expect(try !compare(complex, "{cast: float32}", with: floats([1], [1])).isMatch)
  }
}
