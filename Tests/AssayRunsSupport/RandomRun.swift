package import AssayRuns
package import AssayTensors

/// A small run of random names, dtypes, shapes and finite values, as a list that can be changed.
package struct RandomRun: Sendable {
  /// A tensor.
  package struct Entry: Sendable {
    package var step: Int
    package var module: String
    package var call: Int
    package var slot: String
    package var device = Device.cpu
    package var dtype: DType
    package var shape: [Int]
    /// Row-major, little-endian.
    package var bytes: [UInt8]
    /// Whether only a note stands for it.
    package var isSkipped = false

    package var key: TensorKey {
      TensorKey(
        CallKey(step: step, module: module, index: call), device: device, slot: Slot(slot))
    }
    package var elementCount: Int { shape.reduce(1, *) }
    /// The module's name: two spellings of one text are two modules.
    package var moduleBytes: [UInt8] { Array(module.utf8) }

    /// The bytes of one element.
    package subscript(element element: Int) -> [UInt8] {
      get { Array(bytes[range(of: element)]) }
      set { bytes.replaceSubrange(range(of: element), with: newValue) }
    }

    private func range(of element: Int) -> Range<Int> {
      element * dtype.byteCount..<(element + 1) * dtype.byteCount
    }
  }

  package var entries: [Entry] = []
  /// Whether its recording ended as it should.
  package var isComplete = true

  private static let dtypes: [DType] = [
    .float64, .float32, .float16, .bfloat16, .float8_e4m3fn, .float8_e5m2, .int64, .int32, .int16,
    .int8, .uint8, .bool,
  ]
  private static let modules = [
    "model", "model.norm", "model.layers.0.mlp", "model.layers.1.mlp", "model.layers.10.mlp",
    "lm_head", "caf\u{E9}", "cafe\u{301}", "a b", "a_1", "a.1", "0",
  ]

  /// - Parameter isLarge: Whether tensors may have more elements than digests leave whole.
  package init(using generator: inout some RandomNumberGenerator, isLarge: Bool = false) {
    let modules = Self.modules.shuffled(using: &generator).prefix(
      .random(in: 2...5, using: &generator))
    for step in 0..<Int.random(in: 1...3, using: &generator) {
      for module in modules {
        for call in 0..<Int.random(in: 1...2, using: &generator) {
          for slot in ["inputs_0", "outputs_0", "outputs_1"]
          where slot == "inputs_0" || .random(using: &generator) {
            guard let dtype = Self.dtypes.randomElement(using: &generator) else { continue }
            var shape = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
              Int.random(in: 1...4, using: &generator)
            }
            if isLarge, Bool.random(using: &generator) {
              shape.append(.random(in: 100...400, using: &generator))
            }
            let count = shape.reduce(1, *)
            entries.append(
              Entry(
                step: step, module: module, call: call, slot: slot, dtype: dtype, shape: shape,
                bytes: (0..<count).flatMap { _ in Self.element(of: dtype, using: &generator) }))
          }
        }
      }
    }
  }

  /// A finite value that is not zero, and none of whose neighbours is zero or infinite.
  private static func element(
    of dtype: DType, using generator: inout some RandomNumberGenerator
  ) -> [UInt8] {
    if dtype == .bool { return [.random(in: 0...1, using: &generator)] }
    var bits = generator.next()
    var bytes = (0..<dtype.byteCount).map { _ in
      defer { bits >>= 8 }
      return UInt8(truncatingIfNeeded: bits)
    }
    guard dtype.isFloatingPoint else { return bytes }
    // Exponents in the middle: neither infinite nor subnormal.
    switch dtype {
    case .float64: bytes[7] = bytes[7] & 0x80 | 0x3F
    case .float32: bytes[3] = bytes[3] & 0x80 | 0x3F
    case .bfloat16: bytes[1] = bytes[1] & 0x80 | 0x3F
    case .float16: bytes[1] = bytes[1] & 0x83 | 0x38
    default: bytes[0] = bytes[0] & 0x87 | 0x30
    }
    return bytes
  }

  /// The run in memory.
  package func reader(path: String) throws -> InMemoryRun {
    try added(to: InMemoryRun(path: path, isComplete: isComplete))
  }

  /// A run in memory with the tensors of this one.
  package func added(to run: InMemoryRun) throws -> InMemoryRun {
    var run = run
    for entry in entries {
      let shape = try Shape(entry.shape)
      let note = SkippedTensor(
        dtype: entry.dtype, shape: shape, device: entry.device, reason: "it is too large")
      run.add(
        entry.isSkipped
          ? nil
          : try Tensor(
            storage: entry.bytes.withUnsafeBytes { Storage(copying: $0) }, dtype: entry.dtype,
            shape: shape, device: entry.device),
        step: entry.step, entry.module, call: entry.call, entry.slot, device: entry.device,
        skipped: entry.isSkipped ? note : nil)
    }
    return run
  }
}
