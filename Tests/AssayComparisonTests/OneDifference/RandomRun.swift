import AssayRuns
import AssayRunsSupport
import AssayTensors

/// A small run of random names, dtypes, shapes and finite values, as a list that can be changed.
struct RandomRun {
  struct Entry {
    var step: Int
    var module: String
    var call: Int
    var slot: String
    var device = Device.cpu
    var dtype: DType
    var shape: [Int]
    /// Row-major, little-endian.
    var bytes: [UInt8]

    var key: TensorKey {
      TensorKey(
        CallKey(step: step, module: module, index: call), device: device, slot: Slot(slot))
    }
    var elementCount: Int { shape.reduce(1, *) }
  }

  var entries: [Entry] = []

  static let dtypes: [DType] = [
    .float64, .float32, .float16, .bfloat16, .float8_e4m3fn, .float8_e5m2, .int64, .int32, .int16,
    .int8, .uint8, .bool,
  ]
  private static let modules = [
    "model", "model.norm", "model.layers.0.mlp", "model.layers.1.mlp", "model.layers.10.mlp",
    "lm_head", "caf\u{E9}", "cafe\u{301}", "a b", "a_1", "a.1", "0",
  ]

  init(using generator: inout SeededGenerator) {
    let modules = Self.modules.shuffled(using: &generator).prefix(
      .random(in: 2...5, using: &generator))
    for step in 0..<Int.random(in: 1...3, using: &generator) {
      for module in modules {
        for call in 0..<Int.random(in: 1...2, using: &generator) {
          for slot in ["inputs_0", "outputs_0", "outputs_1"]
          where slot == "inputs_0" || .random(using: &generator) {
            guard let dtype = Self.dtypes.randomElement(using: &generator) else { continue }
            let shape = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
              Int.random(in: 1...4, using: &generator)
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

  /// A finite value that is not zero, of which a changed low bit makes another such value.
  private static func element(of dtype: DType, using generator: inout SeededGenerator) -> [UInt8] {
    if dtype == .bool { return [.random(in: 0...1, using: &generator)] }
    var bytes = (0..<dtype.byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
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
  func reader(path: String) throws -> InMemoryRun { try added(to: InMemoryRun(path: path)) }

  /// A run in memory with the tensors of this one.
  func added(to run: InMemoryRun) throws -> InMemoryRun {
    var run = run
    for entry in entries {
      run.add(
        try Tensor(
          storage: entry.bytes.withUnsafeBytes { Storage(copying: $0) }, dtype: entry.dtype,
          shape: Shape(entry.shape), device: entry.device),
        step: entry.step, entry.module, call: entry.call, entry.slot, device: entry.device)
    }
    return run
  }
}
