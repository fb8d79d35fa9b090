import AssayTensors

/// The weights of a module, read where they lie: a tensor of the mapped checkpoint stays in its own
/// dtype and becomes float32 part by part.
package struct Weights: Sendable {
  private enum Place {
    case checkpoint(Tensor, Rounding)
    case memory([Float])
  }

  private var place: Place

  /// Values in memory.
  package init(_ values: [Float]) {
    place = .memory(values)
  }

  /// A tensor of float32, bfloat16 or float16, rounded when read.
  init(_ tensor: Tensor, _ rounding: Rounding) {
    precondition([.float32, .bfloat16, .float16].contains(tensor.dtype))
    place = .checkpoint(tensor, rounding)
  }

  /// The number of values.
  var count: Int {
    switch place {
    case .checkpoint(let tensor, _): tensor.elementCount
    case .memory(let values): values.count
    }
  }

  /// All values at once; setting them leaves the checkpoint for memory, for who plants a bug.
  package var values: [Float] {
    get {
      [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        initialized = count
        copy(0..<count, into: buffer)
      }
    }
    set { place = .memory(newValue) }
  }

  /// Copies some values.
  func copy(_ range: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) {
    switch place {
    case .checkpoint(let tensor, let rounding):
      tensor.convert(range, into: target)
      guard tensor.dtype != rounding.dtype else { return }
      rounding.round(UnsafeMutableBufferPointer(rebasing: target[..<range.count]))
    case .memory(let values):
      _ = target.update(fromContentsOf: values[range])
    }
  }

  /// Hands out some values: in place where they are float32 already, else by way of the scratch.
  ///
  /// - Parameters:
  ///   - range: Positions, row-major.
  ///   - scratch: Room for as many values.
  ///   - body: Receives the first value; all are valid only during the call.
  func withValues(
    _ range: Range<Int>, scratch: UnsafeMutableBufferPointer<Float>,
    _ body: (UnsafePointer<Float>) -> Void
  ) {
    switch place {
    case .memory(let values):
      values.withUnsafeBufferPointer { values in
        if let start = values.baseAddress { body(start + range.lowerBound) }
      }
    case .checkpoint(let tensor, .float32) where tensor.isReadable:
      tensor.withContiguousBytes { bytes in
        let values = bytes.assumingMemoryBound(to: Float.self)
        if let start = values.baseAddress { body(start + range.lowerBound) }
      }
    case .checkpoint:
      copy(range, into: scratch)
      if let start = scratch.baseAddress { body(UnsafePointer(start)) }
    }
  }
}

extension Tensor {
  /// Whether the elements are float32 values that may be read in place: a safetensors header can
  /// have any length, and a view may have gaps.
  fileprivate var isReadable: Bool {
    dtype == .float32 && isContiguous && storage.isAligned(to: 4) && byteOffset.isMultiple(of: 4)
  }
}
