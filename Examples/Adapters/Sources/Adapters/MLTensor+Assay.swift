#if canImport(CoreML)
  import Assay
  import CoreML
  import Foundation

  /// An `MLTensor` is computed when somebody waits for it, so it cannot be `TensorConvertible`, which
  /// nobody waits for: it is announced by a function that does.
  extension MLTensor {
    /// Waits for the elements, and copies them.
    ///
    /// - Throws: `CaptureError.notConvertible` for scalars that Core ML hands out under no type.
    public func captured() async throws -> Tensor {
      switch scalarType {
      case is Float.Type: try await shapedArray(of: Float.self).tensor()
      #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
        case is Float16.Type: try await shapedArray(of: Float16.self).tensor()
      #endif
      case is Int32.Type: try await shapedArray(of: Int32.self).tensor()
      // Shaped arrays of these are not everywhere; an Int32 holds each of them.
      case is Int8.Type: try await narrowed(.int8) { Int8(truncatingIfNeeded: $0) }
      case is Int16.Type: try await narrowed(.int16) { Int16(truncatingIfNeeded: $0) }
      case is UInt8.Type: try await narrowed(.uint8) { UInt8(truncatingIfNeeded: $0) }
      case is UInt16.Type: try await narrowed(.uint16) { UInt16(truncatingIfNeeded: $0) }
      case is Bool.Type: try await narrowed(.bool) { UInt8($0 == 0 ? 0 : 1) }
      default:
        throw CaptureError.notConvertible(
          type: "MLTensor", reason: "its scalars are \(scalarType); cast it to Int32 or Float")
      }
    }

    private func narrowed<Value: BitwiseCopyable>(
      _ dtype: DType, _ convert: (Int32) -> Value
    ) async throws -> Tensor {
      let array = await cast(to: Int32.self).shapedArray(of: Int32.self)
      return try Tensor(array.scalars.map(convert), dtype: dtype, shape: Shape(array.shape))
    }

    /// A tensor of Core ML's with the elements of one of Assay's.
    ///
    /// - Throws: `CaptureError.unfitTensor` for a dtype that Core ML does not have, as bfloat16.
    public init(_ tensor: Tensor) throws {
      guard let scalarType = Self.scalarType(of: tensor.dtype) else {
        throw CaptureError.unfitTensor(
          type: "MLTensor", takes: "float32, float16, bool and integers of up to 32 bits",
          dtype: tensor.dtype, shape: tensor.shape.dimensions)
      }
      self.init(
        shape: tensor.shape.dimensions, data: tensor.withContiguousBytes { Data($0) },
        scalarType: scalarType)
    }

    private static func scalarType(of dtype: DType) -> (any MLTensorScalar.Type)? {
      switch dtype {
      case .float32: Float.self
      #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
        case .float16: Float16.self
      #endif
      case .int32: Int32.self
      case .int8: Int8.self
      case .int16: Int16.self
      case .uint8: UInt8.self
      case .uint16: UInt16.self
      case .bool: Bool.self
      default: nil
      }
    }
  }

  /// Announces a module that takes and returns one `MLTensor`.
  ///
  /// ```swift
  /// let normed = try await announce(probe, "norm", hidden) { norm($0) }
  /// ```
  /// - Parameter probe: `nil` where nothing records: then nobody waits, and Core ML runs as it likes.
  public func announce(
    _ probe: Probe?, _ name: String, _ input: MLTensor,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (MLTensor) async throws -> MLTensor
  ) async throws -> MLTensor {
    guard let probe else { return try await body(input) }
    let output = try await probe(name, try await input.captured()) { given in
      try await body(MLTensor(given)).captured()
    }
    return try MLTensor(output)
  }
#endif
