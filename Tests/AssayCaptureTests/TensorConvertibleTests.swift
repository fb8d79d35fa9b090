import AssayBase
import AssayCapture
import AssayRuns
import AssayTensors
import Foundation
import Testing

private func tensor(_ value: some Capturable) throws -> Tensor {
  guard case .tensor(let tensor) = try value.capturedValue else {
    throw CaptureError.notConvertible(type: "value", reason: "it is no tensor")
  }
  return tensor
}

@Suite struct TensorConvertibleTests {
  @Test func arraysOfNumbersAreOneTensor() throws {
    let row = try tensor([1.5, -2] as [Float])
    #expect(row.dtype == .float32 && row.shape.dimensions == [2])
    #expect(row.float32Values() == [1.5, -2])
    let rows = try tensor([[1, 2, 3], [4, 5, 6]] as [[Float]])
    #expect(rows.dtype == .float32 && rows.shape.dimensions == [2, 3])
    #expect(rows.float32Values() == [1, 2, 3, 4, 5, 6])
    let cube = try tensor([[[1], [2]], [[3], [4]], [[5], [6]]] as [[[Double]]])
    #expect(cube.dtype == .float64 && cube.shape.dimensions == [3, 2, 1])
    #expect(cube.float64Values() == [1, 2, 3, 4, 5, 6])
    #expect(try tensor([] as [Float]).shape.dimensions == [0])
    #expect(try tensor([] as [[Float]]).shape.dimensions == [0, 0])
    #expect(try tensor([[], []] as [[Float]]).shape.dimensions == [2, 0])
  }

  #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
  @Test func arraysOfFloat16KeepTheirBits() throws {
    let half = try tensor([1, 65504] as [Float16])
    #expect(half.dtype == .float16 && half.float32Values() == [1, 65504])
    #expect(try [Float16]().replaced(by: half) == [1, 65504])
    #expect(throws: CaptureError.self) { try [Float16]().replaced(by: vector([1])) }
  }
  #endif

  @Test func otherArraysStayTuples() throws {
    let integers = try [3, 4].capturedValue.description
    let tensors = try [try vector([1]), try vector([2])].capturedValue
    #expect(integers.members?["items"] == .array([.integer(3), .integer(4)]))
    #expect(
      tensors.tensors(in: Slot("outputs")).map(\.slot.rawValue) == ["outputs_0", "outputs_1"])
    let nested = try [[try vector([1])], [try vector([2])]].capturedValue
    #expect(
      nested.tensors(in: Slot("outputs")).map(\.slot.rawValue) == ["outputs_0_0", "outputs_1_0"])
  }

  @Test func rowsOfDifferentLengthsAreAnError() throws {
    let error = #expect(throws: CaptureError.self) {
      try ([[1, 2], [3]] as [[Float]]).capturedValue
    }
    #expect(
      error?.description
        == "[Array<Float>] cannot become a tensor: row 0 has shape [2], row 1 has [1]")
  }

  @Test func arraysAreMadeFromTensors() throws {
    let values: [Float] = [1, 2, 3, 4, 5, 6]
    let matrix = try Tensor(values, dtype: .float32, shape: Shape([2, 3]))
    #expect(try [[Float]]().replaced(by: matrix) == [[1, 2, 3], [4, 5, 6]])
    let bits: [UInt16] = [0x3F80, 0x4000]
    let small = try Tensor(bits, dtype: .bfloat16)
    #expect(try [Float]().replaced(by: small) == [1, 2])
    #expect(try [Double]().replaced(by: small) == [1, 2])
    // Neither a wrong rank, nor integers, nor what would lose digits.
    #expect(throws: CaptureError.self) { try [Float]().replaced(by: matrix) }
    #expect(throws: CaptureError.self) { try [[Float]]().replaced(by: small) }
    #expect(throws: CaptureError.self) {
      try [Float]().replaced(by: Tensor([1] as [Int64], dtype: .int64))
    }
    #expect(throws: CaptureError.self) {
      try [Float]().replaced(by: Tensor([1] as [Double], dtype: .float64))
    }
  }

  @Test func buffersAreVectors() throws {
    try ([7, 8, 9] as [Int32]).withUnsafeBufferPointer { buffer in
      let captured = try tensor(buffer)
      #expect(captured.dtype == .int32 && captured.float64Values() == [7, 8, 9])
      let other = try Tensor([1, 2] as [Int32], dtype: .int32)
      #expect(try Array(buffer.replaced(by: other)) == [1, 2])
      #expect(throws: CaptureError.self) { try buffer.replaced(by: vector([1])) }
      withExtendedLifetime(other) {}
    }
    var values: [Float] = [1, 2]
    try values.withUnsafeMutableBufferPointer { buffer in
      _ = try buffer.replaced(by: vector([3, 4]))
      #expect(throws: CaptureError.self) { try buffer.replaced(by: vector([3, 4, 5])) }
    }
    #expect(values == [3, 4])
    let empty = UnsafeBufferPointer<Float>(start: nil, count: 0)
    #expect(try tensor(empty).shape.dimensions == [0])
    #expect(try empty.replaced(by: vector([])).isEmpty)
  }

  @Test func typedDataIsAsLongAsItsShape() throws {
    let data = TypedData(
      data: Data([0x80, 0x3F, 0, 0x40]), dtype: .bfloat16, shape: [1, 2], device: Device("cuda:0"))
    let captured = try tensor(data)
    #expect(captured.dtype == .bfloat16 && captured.shape.dimensions == [1, 2])
    #expect(captured.device == Device("cuda:0") && captured.float32Values() == [1, 2])
    #expect(try data.replaced(by: captured) == data)
    #expect(throws: CaptureError.self) { try data.replaced(by: vector([1, 2])) }
    var short = data
    short.shape = [3]
    #expect(
      throws: CaptureError.notConvertible(
        type: "TypedData", reason: "bfloat16 of shape [3] takes 6 bytes, found 4")
    ) { try short.tensor() }
    short.shape = [-1]
    #expect(throws: TensorError.invalidShape([-1])) { try short.tensor() }
  }

  @Test func shapedGivesAnotherShapeOfAsManyElements() throws {
    let flat = Shaped([1, 2, 3, 4, 5, 6] as [Float], [1, 2, 3])
    #expect(try tensor(flat).shape.dimensions == [1, 2, 3])
    let golden = try Tensor([6, 5, 4, 3, 2, 1] as [Float], dtype: .float32, shape: Shape([3, 2]))
    let replaced = try flat.replaced(by: golden)
    #expect(replaced.value == [6, 5, 4, 3, 2, 1] && replaced.shape == [3, 2])
    let rows = Shaped([[1, 2], [3, 4], [5, 6]] as [[Float]], [1, 3, 2])
    #expect(try rows.replaced(by: golden).value == [[6, 5], [4, 3], [2, 1]])
    let longer = try flat.replaced(
      by: Tensor([1] as [Float], dtype: .float32, shape: Shape([1, 1])))
    #expect(longer.value == [1] && longer.shape == [1, 1])
    #expect(throws: CaptureError.self) { try Shaped([1] as [Float], [2]).tensor() }
    #expect(throws: TensorError.invalidShape([-1])) { try Shaped([1] as [Float], [-1]).tensor() }
  }

  @Test func dictionariesAreSortedByKey() throws {
    let value = try ["b": try vector([1]), "a": try vector([2])].capturedValue
    #expect(value.tensors(in: Slot("outputs")).map(\.slot.rawValue) == ["outputs_a", "outputs_b"])
    guard case .number(2.5) = (2.5 as Float).capturedValue else {
      Issue.record("a Float is a number")
      return
    }
  }
}
