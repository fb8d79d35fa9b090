import AssayBase
package import AssayTensors

/// A GGUF file (versions 2 and 3), mapped into memory and checked before anything is read from it.
///
/// The format is the ggml project's: a header, metadata, tensor descriptions, aligned data.
package struct GGUFFile: Sendable {
  /// The file's path.
  package let path: String
  /// The metadata, by key.
  package let metadata: [String: GGUFValue]
  /// The tensors, by name.
  package let tensors: [String: GGUFTensor]
  private let file: MappedFile

  /// Maps a file and reads its descriptions.
  ///
  /// - Parameter path: A `.gguf` file.
  /// - Throws: ``GGUFError`` that names the file and what is wrong with it.
  package init(path: String) throws(GGUFError) {
    do {
      file = try MappedFile(path: path)
    } catch {
      throw GGUFFile.standIn(at: path) ?? .unreadable(path: path, reason: error.reason)
    }
    if !file.withUnsafeBytes({ $0.starts(with: "GGUF".utf8) }),
      let error = GGUFFile.standIn(at: path)
    {
      throw error
    }
    self.path = path
    (metadata, tensors) = try file.withUnsafeBytes { (bytes) throws(GGUFError) in
      try GGUFFile.descriptions(GGUFCursor(bytes, path: path))
    }
  }

  private static func standIn(at path: String) -> GGUFError? {
    StandIn(at: path).map { .unreadable(path: path, reason: "it \($0.text)") }
  }

  /// Unpacks a tensor.
  ///
  /// - Returns: A float32 tensor of the shape that PyTorch would have.
  /// - Throws: ``GGUFError/missingTensor(_:path:)``.
  package func tensor(named name: String) throws(GGUFError) -> Tensor {
    guard let tensor = tensors[name] else { throw .missingTensor(name, path: path) }
    do {
      let shape = try Shape(tensor.shape)
      let storage = Storage(byteCount: shape.elementCount * 4) { output in
        file.withUnsafeBytes { bytes in
          guard let target = output.baseAddress, !output.isEmpty else { return }
          tensor.type.unpack(
            UnsafeRawBufferPointer(rebasing: bytes[tensor.byteRange]),
            into: target.assumingMemoryBound(to: Float.self))
        }
      }
      return try Tensor(storage: storage, dtype: .float32, shape: shape)
    } catch {
      throw .damaged(path: path, reason: "tensor \"\(name)\": \(error.reason)")
    }
  }
}

extension GGUFFile {
  private static func descriptions(
    _ start: GGUFCursor
  ) throws(GGUFError) -> ([String: GGUFValue], [String: GGUFTensor]) {
    var cursor = start
    guard try cursor.integer(UInt32.self, "its first bytes") == 0x4655_4747 else {
      throw cursor.damaged("it does not begin with \"GGUF\"")
    }
    let version = try cursor.integer(UInt32.self, "its version")
    guard (2...3).contains(version) else {
      let isSwapped = (2...3).contains(version.byteSwapped)
      throw .unsupported(
        path: cursor.path,
        what: isSwapped ? "a big-endian GGUF file" : "version \(version) of GGUF (2 and 3 are)")
    }
    let tensorCount = try cursor.count("tensors", leastByteCount: 24)
    let keyCount = try cursor.count("keys", leastByteCount: 13)
    var metadata: [String: GGUFValue] = [:]
    for _ in 0..<keyCount {
      let key = try cursor.string("a key of the metadata")
      let kind = try cursor.kind("\"\(key)\"")
      let value = try cursor.value(kind, "\"\(key)\"")
      guard metadata.updateValue(value, forKey: key) == nil else {
        throw cursor.damaged("the key \"\(key)\" occurs twice")
      }
    }
    var entries: [Entry] = []
    for _ in 0..<tensorCount { entries.append(try Entry(&cursor)) }
    return (metadata, try tensors(entries, cursor, alignment: try alignment(metadata, cursor)))
  }

  private static func alignment(
    _ metadata: [String: GGUFValue], _ cursor: GGUFCursor
  ) throws(GGUFError) -> Int {
    guard let value = metadata["general.alignment"] else { return 32 }
    guard case .integer(let alignment) = value, (1...1 << 20).contains(alignment),
      alignment & (alignment - 1) == 0
    else {
      throw .invalidValue(
        path: cursor.path, key: "general.alignment", reason: "is no power of two up to 1048576")
    }
    return alignment
  }

  private static func tensors(
    _ entries: [Entry], _ cursor: GGUFCursor, alignment: Int
  ) throws(GGUFError) -> [String: GGUFTensor] {
    let dataStart = (cursor.offset + alignment - 1) / alignment * alignment
    let available = max(0, cursor.bytes.count - dataStart)
    var tensors: [String: GGUFTensor] = [:]
    for entry in entries {
      guard let offset = Int(exactly: entry.offset), offset % alignment == 0, offset <= available,
        entry.byteCount <= available - offset
      else {
        throw cursor.damaged(
          "tensor \"\(entry.name)\" has \(entry.byteCount) bytes at \(entry.offset) of the data, "
            + "which has \(available) bytes aligned to \(alignment)")
      }
      let start = dataStart + offset
      let tensor = GGUFTensor(
        name: entry.name, type: entry.type, shape: entry.shape,
        byteRange: start..<start + entry.byteCount)
      guard tensors.updateValue(tensor, forKey: entry.name) == nil else {
        throw cursor.damaged("tensor \"\(entry.name)\" occurs twice")
      }
    }
    return tensors
  }
}

/// A tensor's description before it is checked against the data.
private struct Entry {
  var name: String
  var type: GGUFTensor.BlockType
  /// In PyTorch's order, which is the reverse of the file's.
  var shape: [Int]
  var offset: UInt64
  var byteCount: Int

  private static let rankLimit = 4

  init(_ cursor: inout GGUFCursor) throws(GGUFError) {
    name = try cursor.string("a tensor's name")
    let rank = try cursor.integer(UInt32.self, "tensor \"\(name)\"")
    guard rank <= Entry.rankLimit else {
      throw cursor.damaged("tensor \"\(name)\" claims \(rank) axes; 4 are the most")
    }
    var dimensions: [Int] = []
    for _ in 0..<rank {
      let dimension = try cursor.integer(UInt64.self, "tensor \"\(name)\"")
      guard dimension <= 1 << 40 else {
        throw cursor.damaged("tensor \"\(name)\" claims an axis of \(dimension)")
      }
      dimensions.append(Int(dimension))
    }
    shape = dimensions.reversed()
    let number = try cursor.integer(UInt32.self, "tensor \"\(name)\"")
    guard let type = GGUFTensor.BlockType(rawValue: number) else {
      let known = GGUFTensor.BlockType.allCases.map(\.name).joined(separator: ", ")
      throw .unsupported(
        path: cursor.path,
        what: "\(GGUFTensor.BlockType.name(of: number)), the type of tensor \"\(name)\" "
          + "(\(known) are),")
    }
    self.type = type
    offset = try cursor.integer(UInt64.self, "tensor \"\(name)\"")
    var count = 1
    for dimension in dimensions {
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      guard !overflow, product <= 1 << 48 else {
        throw cursor.damaged("tensor \"\(name)\" claims the shape \(shape)")
      }
      count = product
    }
    guard (dimensions.first ?? 1) % type.elementCount == 0 else {
      throw cursor.damaged(
        "tensor \"\(name)\" has rows of \(dimensions.first ?? 1), no multiple of the "
          + "\(type.elementCount) elements of a block of \(type.name)")
    }
    byteCount = count / type.elementCount * type.byteCount
  }
}
