import AssayBase
internal import AssayTensors

/// A `.pt` file in the format from before torch 1.6: five pickles, then the storages.
///
/// The storages are little-endian on every machine: the flag among the system's information says
/// only what machine wrote the file, and torch does not look at it either.
struct LegacyFile: StorageSource {
  let file: MappedFile
  /// Where each storage's elements lie in the file.
  var ranges: [String: Range<Int>] = [:]
  var isBigEndian: Bool { false }

  /// `0x1950a86a20f9469cfc6c`, as the pickle of every legacy file begins.
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  static func load(_ file: MappedFile) throws(TorchError) -> TorchValue {
    try file.withUnsafeBytes { (bytes) throws(TorchError) in
      try load(file, bytes)
    }
  }

  private static func load(
    _ file: MappedFile, _ bytes: UnsafeRawBufferPointer
  ) throws(TorchError) -> TorchValue {
    func malformed(_ reason: String) -> TorchError { .malformed(path: file.path, reason: reason) }
    var unpickler = Unpickler(bytes, path: file.path)
    // The magic number is looked for first, so that a foreign file is called that.
    guard bytes.count > 16, bytes[0] == Opcode.proto.rawValue,
      case .longInteger(let range) = try unpickler.run(), bytes[range].elementsEqual(magic)
    else { throw malformed("it starts with neither a zip entry nor torch's magic number") }
    guard case .integer(1001) = try unpickler.run() else {
      throw malformed("it has another legacy format than version 1001")
    }
    let system = try unpickler.run()
    guard unpickler.container(system)?.kind == .dictionary else {
      throw malformed("it does not describe the system that wrote it")
    }
    let root = try unpickler.run()
    let list = try unpickler.run()
    guard let keys = unpickler.container(list), keys.kind == .list else {
      throw malformed("it does not list its storages")
    }
    var legacy = LegacyFile(file: file)
    try legacy.findStorages(keys.items, unpickler)
    let budget = MemoryBudget(path: file.path, fileSize: file.byteCount)
    var builder = ValueBuilder(unpickler, source: legacy, budget: budget)
    return try builder.value(of: root)
  }

  /// Walks over the storages, each of which is preceded by its number of elements.
  private mutating func findStorages(
    _ keys: [PickleObject], _ unpickler: Unpickler
  ) throws(TorchError) {
    var elementSizes: [String: Int] = [:]
    for storage in unpickler.storages { elementSizes[storage.key] = storage.elementSize }
    var reader = unpickler.reader
    for key in keys {
      guard case .string(let text) = key, text.count <= 256, let key = reader.bytes.text(text),
        ranges[key] == nil
      else {
        throw .malformed(path: file.path, reason: "it lists a storage without a name or twice")
      }
      guard let elementSize = elementSizes[key] else {
        throw .unsupported(
          path: file.path,
          reason: "it lists the storage \(quoted(key)), which no tensor has that can be read, as "
            + "of a quantized one; its size is not known, so that what stands behind it cannot be "
            + "found in this old format: save it again as torch.save does today")
      }
      guard let count: UInt64 = reader.read(), count < 1 << 48,
        let range = reader.take(Int(count) * elementSize)
      else {
        throw .malformed(
          path: file.path, reason: "storage \(quoted(key)) reaches beyond the end of the file")
      }
      ranges[key] = range
    }
  }

  func bytes(
    of reference: StorageReference, budget: inout MemoryBudget
  ) throws(TorchError) -> Storage {
    func malformed(_ reason: String) -> TorchError {
      .malformed(path: file.path, reason: "storage \(quoted(reference.key)) \(reason)")
    }
    guard var range = ranges[reference.key] else { throw malformed("is missing") }
    let needed = reference.elementCount * reference.elementSize
    guard range.count == needed else { throw malformed("has \(range.count) bytes, not \(needed)") }
    if let view = reference.view {
      guard view.upperBound <= reference.elementCount else {
        throw malformed("is smaller than a part of it that is used")
      }
      let start = range.lowerBound
      range =
        start + view.lowerBound * reference.elementSize..<start + view.upperBound
        * reference.elementSize
    }
    do { return try Storage(file: file, range: range) } catch {
      throw malformed("lies outside the file")
    }
  }
}
