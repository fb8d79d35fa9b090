import AssayBase
import AssayTensors

extension Tensor {
  /// Every element as JSON: numbers, booleans, pairs for complex elements, and strings
  /// for what JSON lacks.
  var elementDescriptions: [JSONValue] {
    switch dtype {
    case .bool: bytesAs(UInt8.self).map { .bool($0 != 0) }
    case .int8: bytesAs(Int8.self).map { .integer(Int64($0)) }
    case .int16: bytesAs(Int16.self).map { .integer(Int64($0)) }
    case .int32: bytesAs(Int32.self).map { .integer(Int64($0)) }
    case .int64: bytesAs(Int64.self).map { .integer($0) }
    case .uint8: bytesAs(UInt8.self).map { .integer(Int64($0)) }
    case .uint16: bytesAs(UInt16.self).map { .integer(Int64($0)) }
    case .uint32: bytesAs(UInt32.self).map { .integer(Int64($0)) }
    case .uint64:
      bytesAs(UInt64.self).map { Int64(exactly: $0).map(JSONValue.integer) ?? .string(String($0)) }
    case .complex32, .complex64, .complex128: pairDescriptions
    default: float64Values().map(JSONValue.init(real:))
    }
  }

  private var pairDescriptions: [JSONValue] {
    let values = float64Values().map(JSONValue.init(real:))
    return stride(from: 0, to: values.count, by: 2).map { .array(Array(values[$0..<$0 + 2])) }
  }

  private func bytesAs<Element: BitwiseCopyable>(_ type: Element.Type) -> [Element] {
    withContiguousBytes { bytes in
      (0..<elementCount).map {
        bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.stride, as: type)
      }
    }
  }
}
