import AssayBase
internal import AssayHDF5
internal import AssayTensors

/// Where a reader finds one tensor.
///
/// A note is indirect: few tensors have one, and none of the others should have room for it.
enum HDF5TensorSource: Sendable {
  case range(Range<Int>, DType, Shape, isBigEndian: Bool)
  /// Names of links from the root to the dataset.
  case library([String], DType, Shape)
  indirect case skipped(SkippedTensor)
  /// The dataset's header is not as it should be; other tensors are not touched by that.
  case damaged(String)

  /// A reason in words, as an error.
  private struct Reason: Error, CustomStringConvertible {
    var description: String
  }

  var needsLibrary: Bool {
    if case .library = self { true } else { false }
  }

  /// How many bytes it takes; `nil` without elements.
  var byteCount: Int? {
    switch self {
    case .range(let range, _, _, _): range.count
    case .library(_, let dtype, let shape): shape.elementCount * dtype.byteCount
    case .skipped, .damaged: nil
    }
  }

  #if SystemLibraries
  func tensor(on device: Device, from file: OpenFile, library: HDF5ForeignFile?) throws -> Tensor {
    guard case .library(let names, let dtype, let shape) = self else {
      return try tensor(on: device, from: file)
    }
    guard let library else { throw HDF5Error.closed }
    let storage = try library.elements(names, dtype: dtype, shape: shape)
    return try Tensor(storage: storage, dtype: dtype, shape: shape, device: device)
  }
  #endif

  func tensor(on device: Device, from file: OpenFile) throws -> Tensor {
    switch self {
    case .range(let range, let dtype, let shape, let isBigEndian):
      var storage = try Storage(of: range, in: file)
      if isBigEndian || !storage.isAligned(to: dtype.scalarByteCount) {
        // Numbers in memory are little-endian and aligned.
        storage = storage.withUnsafeBytes { bytes in
          Storage(byteCount: bytes.count) { copy in
            copy.copyMemory(from: bytes)
            if isBigEndian { HDF5ByteOrder.swap(copy, unit: dtype.scalarByteCount) }
          }
        }
      }
      return try Tensor(storage: storage, dtype: dtype, shape: shape, device: device)
    case .library:
      throw Reason(description: "libhdf5 alone reads it: it is in chunks or compressed")
    case .skipped(let note):
      throw Reason(description: "it was not recorded: \(note.reason)")
    case .damaged(let reason):
      throw Reason(description: reason)
    }
  }
}
