import AssayTensors

extension Tensor {
  /// Every element as JSON: numbers, booleans, `[re, im]` pairs, and strings for what JSON lacks.
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
    case .complex64:
      bytesAs(SIMD2<Float>.self).map {
        .array([JSONValue(real: Double($0.x)), JSONValue(real: Double($0.y))])
      }
    case .complex128:
      bytesAs(SIMD2<Double>.self).map { .array([JSONValue(real: $0.x), JSONValue(real: $0.y)]) }
    default: float64Values().map(JSONValue.init(real:))
    }
  }

  private func bytesAs<Element: BitwiseCopyable>(_ type: Element.Type) -> [Element] {
    withContiguousBytes { bytes in
      (0..<elementCount).map {
        bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.stride, as: type)
      }
    }
  }
}
