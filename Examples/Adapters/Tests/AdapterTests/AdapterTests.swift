import Adapters
import Assay
import CoreML
import Foundation
import MLX
import OnnxRuntimeBindings
import Testing

/// What the adapters make of each framework's arrays; on Linux of the stand-ins beside, and of MLX
/// itself where MLX_SWIFT names it.
@Suite struct AdapterTests {
  private func tensor<Value: BitwiseCopyable>(
    _ values: [Value], _ dtype: Assay.DType, _ shape: [Int]
  ) throws -> Tensor {
    try Tensor(values, dtype: dtype, shape: Shape(shape))
  }

  private func expectSame(_ found: Tensor, _ expected: Tensor) {
    #expect(found.dtype == expected.dtype && found.shape == expected.shape)
    #expect(
      found.withContiguousBytes { Array($0) } == expected.withContiguousBytes { Array($0) })
  }

  /// Six elements of a dtype, with bits that a conversion would change.
  private func sample(_ dtype: Assay.DType, _ shape: [Int] = [2, 3]) throws -> Tensor {
    let bytes = (0..<6 * dtype.byteCount).map { index -> UInt8 in
      dtype == .bool ? UInt8(index % 2) : UInt8(truncatingIfNeeded: index * 37 + 1)
    }
    let storage = bytes.withUnsafeBytes { Storage(copying: $0) }
    return try Tensor(storage: storage, dtype: dtype, shape: Shape(shape))
  }

  // MARK: - MLX

  @Test(arguments: [
    Assay.DType.bool, .uint8, .uint16, .uint32, .uint64, .int8, .int16, .int32, .int64, .float16,
    .float32, .bfloat16, .complex64, .float64,
  ])
  func mlxKeepsEveryBit(_ dtype: Assay.DType) throws {
    let one = MLXArray(Data([0, 0, 128, 63]), [1], dtype: .float32)
    let expected = try sample(dtype)
    expectSame(try one.replaced(by: expected).tensor(), expected)
    let scalar = try tensor([Float(2.5)], .float32, [])
    expectSame(try one.replaced(by: scalar).tensor(), scalar)
    let empty = try tensor([Float](), .float32, [3, 0, 2])
    expectSame(try one.replaced(by: empty).tensor(), empty)
  }

  @Test func mlxRefusesWhatItCannotHold() throws {
    let one = MLXArray(Data([0, 0, 128, 63]), [1], dtype: .float32)
    #expect(throws: CaptureError.self) { try one.replaced(by: sample(.float8_e4m3fn)) }
    #expect(throws: CaptureError.self) { try one.replaced(by: sample(.complex128)) }
  }

  #if REAL_MLX
    @Test func mlxIsComputedAndPutInOrder() throws {
      let values: [Float] = [1, 2, 3, 4, 5, 6]
      let array = MLXArray(values, [2, 3])
      expectSame(
        try (array.transposed() + array[0, 0]).tensor(),
        try tensor([2, 5, 3, 6, 4, 7] as [Float], .float32, [3, 2]))
      expectSame(
        try array[0..., .stride(from: 2, by: -1)].tensor(),
        try tensor([3, 2, 1, 6, 5, 4] as [Float], .float32, [2, 3]))
      expectSame(
        try broadcast(MLXArray([Float(7)], [1]), to: [2, 2]).tensor(),
        try tensor([7, 7, 7, 7] as [Float], .float32, [2, 2]))
      expectSame(
        try array.asType(.bfloat16)[1].tensor(),
        // The upper halves of 4, 5 and 6.
        try tensor([0x4080, 0x40A0, 0x40C0] as [UInt16], .bfloat16, [3]))
    }
  #endif

  // MARK: - Core ML

  #if os(Linux)
    @Test func paddedRowsOfAMultiArrayAreLeftOut() throws {
      let values: [Float] = [1, 2, 3, -1, 4, 5, 6, -1]
      let array = CapturedMultiArray(
        MLMultiArray(
          bytes: values.withUnsafeBytes { Array($0) }, shape: [2, 3], strides: [4, 1], .float32))
      expectSame(try array.tensor(), try tensor([1, 2, 3, 4, 5, 6] as [Float], .float32, [2, 3]))
    }
  #endif

  @Test(arguments: [Assay.DType.float64, .float32, .float16, .int32, .int8])
  func multiArraysKeepEveryBit(_ dtype: Assay.DType) throws {
    let one = CapturedMultiArray(try MLMultiArray(shape: [1], dataType: .float32))
    let expected = try sample(dtype)
    expectSame(try one.replaced(by: expected).tensor(), expected)
    #expect(throws: CaptureError.self) { try one.replaced(by: sample(.bfloat16)) }
  }

  @Test func shapedArraysKeepStrides() throws {
    let values: [Float] = [1, 4, 2, 5, 3, 6]
    let array = MLShapedArray<Float>(
      data: values.withUnsafeBytes { Data($0) }, shape: [2, 3], strides: [1, 2])
    let expected = try tensor([1, 2, 3, 4, 5, 6] as [Float], .float32, [2, 3])
    expectSame(try array.tensor(), expected)
    expectSame(try array.replaced(by: expected).tensor(), expected)
    #expect(throws: CaptureError.self) { try array.replaced(by: sample(.float64)) }
  }

  @Test(arguments: [Assay.DType.float32, .float16, .int32, .int8, .int16, .uint8, .uint16, .bool])
  func tensorsAreWaitedFor(_ dtype: Assay.DType) async throws {
    let expected = try sample(dtype)
    expectSame(try await MLTensor(expected).captured(), expected)
    #expect(throws: CaptureError.self) { try MLTensor(sample(.bfloat16)) }
  }

  @Test func anAnnouncedModuleIsRecorded() async throws {
    let input = try sample(.float32)
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "assay-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var configuration = CaptureConfiguration()
    configuration.outputDirectory = folder
    let recorder = try Recorder(
      configuration: configuration, manifest: RunManifest(id: "run"))
    try await recorder.probe.step {
      let output = try await announce(recorder.probe, "norm", MLTensor(input)) { $0 }
      expectSame(try await output.captured(), input)
    }
    try recorder.finish()
    let run = try openRun(at: folder)
    let tensors = run.steps.flatMap { $0.calls.flatMap(\.tensors) }
    #expect(tensors.map(\.key.slot.rawValue) == ["inputs_0", "outputs"])
    for record in tensors { expectSame(try run.tensor(record.key), input) }
    // Without a probe nobody waits.
    #expect(try await announce(nil, "norm", MLTensor(input)) { $0 }.shape == [2, 3])
  }

  // MARK: - ONNX Runtime

  @Test(arguments: [
    Assay.DType.float32, .int8, .uint8, .int32, .uint32, .int64, .uint64,
  ])
  func onnxValuesKeepEveryBit(_ dtype: Assay.DType) throws {
    let one = CapturedORTValue(
      try ORTValue(
        tensorData: NSMutableData(data: Data(count: 4)), elementType: .float, shape: [1]))
    let expected = try sample(dtype)
    expectSame(try one.replaced(by: expected).tensor(), expected)
    #expect(throws: CaptureError.self) { try one.replaced(by: sample(.float16)) }
  }

  @Test func onnxTextsAreNoTensor() throws {
    let texts = CapturedORTValue(
      try ORTValue(
        tensorData: NSMutableData(data: Data(count: 4)), elementType: .string, shape: [1]))
    #expect(throws: CaptureError.self) { try texts.tensor() }
  }
}
