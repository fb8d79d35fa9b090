import AssayBase
public import AssayTensors

/// A safetensors file, mapped into memory and checked before anything is read from it.
public struct SafetensorsFile: Sendable {
  /// The file's path.
  public let path: String
  /// The tensors in the order of their data, each a view of the mapped file.
  public let tensors: [(name: String, tensor: Tensor)]
  /// The tensors that cannot be read, each with the reason: other ones are not touched by that.
  public let unsupported: [(name: String, reason: String)]
  /// The texts under `__metadata__`.
  public let metadata: [String: String]

  /// The longest header that the format allows.
  private static let headerLimit = 100_000_000

  /// Maps a file and validates its header: every byte of the data belongs to exactly one tensor.
  ///
  /// - Parameter path: A `.safetensors` file.
  /// - Throws: ``RunError/damaged(path:reason:)`` for a file that is cut or contradicts itself.
  public init(path: String) throws(RunError) {
    func damaged(_ reason: String) -> RunError { .damaged(path: path, reason: reason) }
    let file: MappedFile
    do {
      file = try MappedFile(path: path)
    } catch {
      throw .standIn(at: path) ?? damaged("it cannot be opened: \(error.reason)")
    }
    let headerEnd = try SafetensorsFile.headerEnd(of: file)
    let header: SafetensorsHeader
    do throws(JSONScanner.Failure) {
      header = try file.withUnsafeBytes { (bytes) throws(JSONScanner.Failure) in
        try SafetensorsHeader(UnsafeRawBufferPointer(rebasing: bytes[8..<headerEnd]))
      }
    } catch {
      throw damaged("its header is invalid: \(error.reason)")
    }
    let entries = header.entries.sorted {
      ($0.range.lowerBound, $0.range.upperBound, $0.name)
        < ($1.range.lowerBound, $1.range.upperBound, $1.name)
    }
    var tensors: [(name: String, tensor: Tensor)] = []
    tensors.reserveCapacity(entries.count)
    var unsupported: [(name: String, reason: String)] = []
    var end = 0
    for entry in entries {
      guard entry.range.lowerBound == end else {
        throw damaged(
          "tensor \"\(entry.name)\" begins at \(entry.range.lowerBound) of the data, not at \(end)")
      }
      end = entry.range.upperBound
      guard end <= file.byteCount - headerEnd else {
        throw damaged(
          "tensor \"\(entry.name)\" ends at \(end) of the data, which has "
            + "\(file.byteCount - headerEnd) bytes")
      }
      do {
        switch try entry.content(in: file, dataStart: headerEnd) {
        case .tensor(let tensor): tensors.append((entry.name, tensor))
        case .unsupported(let reason): unsupported.append((entry.name, reason))
        }
      } catch {
        throw damaged("tensor \"\(entry.name)\": \(error.reason)")
      }
    }
    guard end == file.byteCount - headerEnd else {
      throw damaged("\(file.byteCount - headerEnd - end) bytes behind its last tensor")
    }
    self.path = path
    self.tensors = tensors
    self.unsupported = unsupported
    metadata = header.metadata
  }

  /// Reads the length of the header and checks it against the file.
  private static func headerEnd(of file: MappedFile) throws(RunError) -> Int {
    func damaged(_ reason: String) -> RunError {
      // No text gives a length that is allowed.
      .standIn(at: file.path) ?? .damaged(path: file.path, reason: reason)
    }
    guard file.byteCount >= 8 else {
      throw damaged("\(file.byteCount) bytes are too few for a safetensors file")
    }
    let length = file.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    guard length <= headerLimit else {
      throw damaged("its header claims \(length) bytes; at most \(headerLimit) are allowed")
    }
    guard Int(length) <= file.byteCount - 8 else {
      throw damaged("its header claims \(length) bytes, the file has \(file.byteCount)")
    }
    return 8 + Int(length)
  }
}

extension SafetensorsHeader.Entry {
  fileprivate enum Content {
    case tensor(Tensor)
    case unsupported(String)
  }

  /// The view of the file that the entry describes.
  fileprivate func content(
    in file: MappedFile, dataStart: Int
  ) throws(JSONScanner.Failure) -> Content {
    guard let dtype = DType(safetensorsName: dtype) else {
      return .unsupported(DType.unsupported(dtype))
    }
    do {
      var shape = try Shape(shape)
      if dtype.packedCount > 1 {
        // The format counts numbers, and torch the bytes that hold two of them.
        let (numbers, bits) = (shape, shape.elementCount * 8 / dtype.packedCount)
        guard bits == range.count * 8 else {
          throw TensorError.countMismatch(
            expected: shape.elementCount, found: range.count * dtype.packedCount)
        }
        guard let extent = numbers.dimensions.last, extent.isMultiple(of: dtype.packedCount) else {
          return .unsupported("its shape \(numbers) does not end in whole bytes of \(dtype)")
        }
        shape = try Shape(numbers.dimensions.dropLast() + [extent / dtype.packedCount])
      }
      guard shape.elementCount * dtype.byteCount == range.count else {
        throw TensorError.countMismatch(
          expected: shape.elementCount, found: range.count / dtype.byteCount)
      }
      let bytes = dataStart + range.lowerBound..<dataStart + range.upperBound
      return .tensor(
        try Tensor(storage: Storage(file: file, range: bytes), dtype: dtype, shape: shape))
    } catch {
      throw .init("\(error)")
    }
  }
}

extension DType {
  private static let safetensorsNames: [DType: String] = [
    .float64: "F64", .float32: "F32", .float16: "F16", .bfloat16: "BF16",
    .float8_e4m3fn: "F8_E4M3", .float8_e5m2: "F8_E5M2", .float8_e4m3fnuz: "F8_E4M3FNUZ",
    .float8_e5m2fnuz: "F8_E5M2FNUZ", .float8_e8m0fnu: "F8_E8M0", .float4_e2m1fn_x2: "F4",
    .int8: "I8", .int16: "I16", .int32: "I32",
    .int64: "I64", .uint8: "U8", .uint16: "U16", .uint32: "U32", .uint64: "U64", .bool: "BOOL",
    .complex64: "C64",
  ]

  /// Its name in a safetensors header; `nil` where the format has none.
  package var safetensorsName: String? { DType.safetensorsNames[self] }

  /// Makes a dtype from its name in a safetensors header.
  fileprivate init?(safetensorsName name: String) {
    guard let dtype = DType.allCases.first(where: { $0.safetensorsName == name }) else {
      return nil
    }
    self = dtype
  }
}
