import AssayTensors
import Testing

@Suite struct TensorTests {
  static let storage = Storage(byteCount: 48) { buffer in
    for i in 0..<12 { buffer.storeBytes(of: Int32(i), toByteOffset: i * 4, as: Int32.self) }
  }

  static func values(_ tensor: Tensor) -> [Double] { tensor.float64Values() }

  // numpy: a = arange(12).reshape(3, 4); a.T; a[1:, 1::2]; broadcast_to(a[0, :1], (2, 3))
  @Test(arguments: [0, 1, 63, 64, 4097])
  func bytesAreAlignedAndZeroed(_ count: Int) {
    let storage = Storage(byteCount: count) { #expect($0.allSatisfy { $0 == 0 }) }
    #expect(storage.byteCount == count)
    storage.withUnsafeBytes { #expect(UInt(bitPattern: $0.baseAddress) % 64 == 0) }
  }

  @Test func viewsShowWhatNumpyShows() throws {
    let transposed = try Tensor(
      storage: Self.storage, dtype: .int32, shape: Shape([4, 3]), strides: [1, 4])
    #expect(!transposed.isContiguous)
    #expect(Self.values(transposed) == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
    let slice = try Tensor(
      storage: Self.storage, dtype: .int32, shape: Shape([2, 2]), strides: [4, 2], byteOffset: 20)
    #expect(Self.values(slice) == [5, 7, 9, 11])
    let expanded = try Tensor(
      storage: Self.storage, dtype: .int32, shape: Shape([2, 3]), strides: [0, 0], byteOffset: 4)
    #expect(Self.values(expanded) == [1, 1, 1, 1, 1, 1])
    #expect(Self.values(transposed.contiguous()) == Self.values(transposed))
  }

  @Test func partsOfAViewAreItsElementsInOrder() throws {
    let transposed = try Tensor(
      storage: Self.storage, dtype: .int32, shape: Shape([4, 3]), strides: [1, 4])
    for (range, expected) in [(2..<5, [8, 1, 5]), (0..<0, []), (11..<12, [11])] {
      let part: [Int32] = transposed.withContiguousBytes(ofElements: range) { bytes in
        range.map {
          bytes.loadUnaligned(fromByteOffset: ($0 - range.lowerBound) * 4, as: Int32.self)
        }
      }
      #expect(part.map(Int.init) == expected)
    }
  }

  @Test(arguments: [
    ([3, 4], [4, 1], 4), ([1, 1], [4, Int.max], 0), ([13], [1], 0), ([2], [-1], 8),
    ([3, 4], [4], 0), ([1 << 40, 1 << 7], [0, 0], 0), ([2, 2], [Int.max, 1], 0), ([1], [1], -4),
  ])
  func viewsBeyondTheirStorageAreRefused(_ shape: [Int], _ strides: [Int], _ offset: Int) {
    #expect(throws: TensorError.self) {
      try Tensor(
        storage: Self.storage, dtype: .int32, shape: Shape(shape), strides: strides,
        byteOffset: offset)
    }
  }

  @Test func scalarsAndEmptyTensorsAreContiguous() throws {
    let scalar = try Tensor(storage: Self.storage, dtype: .int32, shape: .scalar, byteOffset: 28)
    #expect(scalar.isContiguous && Self.values(scalar) == [7])
    let empty = try Tensor(storage: Self.storage, dtype: .int32, shape: Shape([2, 0, 3]))
    #expect(empty.isContiguous && Self.values(empty) == [])
  }
}
