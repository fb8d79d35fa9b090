package import AssayBase

extension Tensor {
  /// Calls `body` with all elements as contiguous row-major little-endian bytes.
  ///
  /// Contiguous tensors hand out their storage; strided ones are gathered into a copy first. Use
  /// ``withContiguousBytes(ofElements:_:)`` to walk a large view in parts.
  public func withContiguousBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withContiguousBytes(ofElements: 0..<elementCount, body)
  }

  /// Calls `body` with some elements as contiguous row-major little-endian bytes.
  ///
  /// - Parameters:
  ///   - range: Elements in row-major order, within `0..<elementCount`.
  ///   - body: Receives `range.count * dtype.byteCount` bytes, valid only during the call and not
  ///     necessarily aligned.
  /// - Complexity: O(1) for a contiguous tensor, else O(`range.count`) time and memory.
  public func withContiguousBytes<Result>(
    ofElements range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    precondition(range.lowerBound >= 0 && range.upperBound <= elementCount)
    let size = dtype.byteCount
    if isContiguous {
      return try storage.withUnsafeBytes { bytes in
        let start = range.isEmpty ? 0 : byteOffset + range.lowerBound * size
        return try body(UnsafeRawBufferPointer(rebasing: bytes[start..<start + range.count * size]))
      }
    }
    return try withUnsafeTemporaryAllocation(byteCount: range.count * size, alignment: 64) {
      gather(range, into: $0)
      return try body(UnsafeRawBufferPointer($0))
    }
  }

  /// The same elements in row-major order without gaps, in a storage that holds nothing else.
  public func contiguous() -> Tensor {
    if isContiguous && storage.byteCount == byteCount { return self }
    return copied()
  }

  /// A copy of the elements in row-major order, in an aligned storage that holds nothing else.
  package func copied() -> Tensor {
    Tensor(
      uncheckedStorage: Storage(uninitialized: byteCount) { copyBytes(to: $0) }, dtype: dtype,
      shape: shape, device: device)
  }

  /// Copies all elements as contiguous row-major little-endian bytes.
  ///
  /// - Parameter buffer: At least `byteCount` bytes.
  public func copyBytes(to buffer: UnsafeMutableRawBufferPointer) {
    precondition(buffer.count >= byteCount)
    if isContiguous {
      withContiguousBytes { buffer.copyMemory(from: $0) }
    } else {
      gather(0..<elementCount, into: buffer)
    }
  }

  /// Walks the view in row-major order, copying runs along the last axis.
  private func gather(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) {
    guard !range.isEmpty else { return }
    let size = dtype.byteCount
    if let assembly = storage.assembly {
      guard isRowMajor else { return gather(range, of: assembly, into: buffer) }
      let start = byteOffset + range.lowerBound * size
      return assembly.copy(start..<start + range.count * size, buffer)
    }
    let rowLength = shape.rowLength
    let innerStride = (strides.last ?? 1) * size
    storage.withUnsafeBytes { bytes in
      var position = range.lowerBound
      var index = shape.index(ofElement: position)
      var target = 0
      while position < range.upperBound {
        let column = index.last ?? 0
        let count = min(rowLength - column, range.upperBound - position)
        var source = byteOffset
        for (i, stride) in zip(index, strides) { source += i * stride * size }
        gatherRow(
          from: bytes, at: source, stride: innerStride, count: count, size: size, into: buffer,
          at: target)
        target += count * size
        position += count
        advance(&index)
      }
    }
  }

  /// Walks a strided view of what is put together on demand.
  private func gather(
    _ range: Range<Int>, of assembly: Storage.Assembly, into buffer: UnsafeMutableRawBufferPointer
  ) {
    let size = dtype.byteCount
    let step = strides.last ?? 1
    var position = range.lowerBound
    while position < range.upperBound {
      let index = shape.index(ofElement: position)
      let count =
        step == 1 ? min(shape.rowLength - (index.last ?? 0), range.upperBound - position) : 1
      let element = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
      let (from, to) = (byteOffset + element * size, (position - range.lowerBound) * size)
      assembly.copy(
        from..<from + count * size,
        UnsafeMutableRawBufferPointer(rebasing: buffer[to..<to + count * size]))
      position += count
    }
  }

  /// Moves to the start of the next row.
  private func advance(_ index: inout [Int]) {
    guard !index.isEmpty else { return }
    index[index.count - 1] = 0
    var axis = index.count - 2
    while axis >= 0 {
      index[axis] += 1
      if index[axis] < shape.dimensions[axis] { return }
      index[axis] = 0
      axis -= 1
    }
  }

  private func gatherRow(
    from bytes: UnsafeRawBufferPointer, at source: Int, stride: Int, count: Int, size: Int,
    into buffer: UnsafeMutableRawBufferPointer, at target: Int
  ) {
    func copy<Unit: BitwiseCopyable>(as unit: Unit.Type) {
      for i in 0..<count {
        let value = bytes.loadUnaligned(fromByteOffset: source + i * stride, as: unit)
        buffer.storeBytes(of: value, toByteOffset: target + i * size, as: unit)
      }
    }
    if stride == size {
      UnsafeMutableRawBufferPointer(rebasing: buffer[target..<target + count * size])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[source..<source + count * size]))
      return
    }
    switch size {
    case 1: copy(as: UInt8.self)
    case 2: copy(as: UInt16.self)
    case 4: copy(as: UInt32.self)
    case 8: copy(as: UInt64.self)
    default: copy(as: SIMD2<UInt64>.self)
    }
  }
}

extension Tensor {
  /// A row-major tensor over a storage of exactly its size.
  package init(uncheckedStorage storage: Storage, dtype: DType, shape: Shape, device: Device) {
    self.init(
      trusting: storage, dtype: dtype, shape: shape, strides: shape.contiguousStrides,
      byteOffset: 0, device: device)
  }

  /// Makes a tensor from values of the dtype's own layout, row-major.
  ///
  /// - Parameters:
  ///   - values: One value per element, whose size is the dtype's.
  ///   - dtype: The element type; `Float` for `float32`, `Int64` for `int64`, `UInt16` bits for
  ///     `bfloat16`.
  ///   - shape: The extents; `nil` for a vector.
  ///   - device: Where the tensor is said to live.
  /// - Throws: ``TensorError/countMismatch(expected:found:)``.
  public init<Value: BitwiseCopyable>(
    _ values: [Value], dtype: DType, shape: Shape? = nil, device: Device = .cpu
  ) throws(TensorError) {
    let shape = shape ?? .vector(values.count)
    let size = values.count * MemoryLayout<Value>.stride
    guard size == shape.elementCount * dtype.byteCount else {
      throw .countMismatch(expected: shape.elementCount, found: values.count)
    }
    let storage = values.withUnsafeBytes { Storage(copying: $0) }
    self.init(uncheckedStorage: storage, dtype: dtype, shape: shape, device: device)
  }
}

extension Tensor {
  /// Makes sure, once the elements were used, that nobody wrote to their file meanwhile.
  ///
  /// - Throws: ``FileError/unreadable(path:reason:)``.
  package func checkUnchanged() throws(FileError) { try storage.checkUnchanged() }

  /// How many elements of a large tensor are read before their memory is let go.
  package static let elementsAtOnce = 1 << 24

  /// Lets go of the memory that elements of a mapped file take; who reads them again has them again.
  ///
  /// - Parameter range: Elements of a row-major tensor; of any other nothing is let go.
  package func forget(_ range: Range<Int>) {
    guard isRowMajor else { return }
    let (start, size) = (byteOffset + range.lowerBound * dtype.byteCount, dtype.byteCount)
    storage.forget(start..<start + range.count * size)
  }
}
