internal import AssayTensors

/// The attributes of a group or dataset, all of them in its header.
struct NativeAttributes {
  private struct Attribute {
    var name: NativeBytes
    var type: NativeDatatype
    var byteCount: Int
    var space: NativeDataspace
    var data: NativeBytes
  }

  private var attributes: [Attribute] = []

  /// The schema has fewer; each is held against all others.
  private static let limit = 64

  init(of object: NativeObject) throws {
    if let info = try object.only(.attributeInfo) { try NativeAttributes.checkInfo(info) }
    for message in object.messages where message.kind == .attribute {
      let attribute = try NativeAttributes.read(message.bytes)
      guard attributes.count < NativeAttributes.limit,
        !attributes.contains(where: { $0.name.equals(attribute.name) })
      else { throw HDF5Unread("an attribute that is there twice, or one of very many") }
      attributes.append(attribute)
    }
  }

  /// Refuses attributes that are elsewhere.
  private static func checkInfo(_ message: NativeBytes) throws {
    var cursor = NativeCursor(message)
    try cursor.expect(0, "attribute information of version")
    let flags = try cursor.byte()
    guard flags & ~3 == 0 else { throw HDF5Unread("attribute information flags \(flags)") }
    if flags & 1 != 0 { try cursor.skip(2) }
    guard try cursor.number(UInt64.self) == NativeSuperblock.undefined else {
      throw HDF5Unread("attributes in a heap")
    }
  }

  private static func read(_ message: NativeBytes) throws -> Attribute {
    var cursor = NativeCursor(message)
    let version = try cursor.byte()
    guard version == 1 || version == 3 else { throw HDF5Unread("an attribute of \(version)") }
    // In version 3: parts that are shared.
    let flags = try cursor.byte()
    guard version == 1 || flags == 0 else { throw HDF5Unread("attribute flags \(flags)") }
    let sizes = (try cursor.short(), try cursor.short(), try cursor.short())
    if version == 3, try cursor.byte() > 1 { throw HDF5Unread("an attribute's characters") }
    func padded() throws { if version == 1 { try cursor.align(to: 8) } }
    let name = try cursor.part(sizes.0).untilNUL(from: 0)
    guard name.count + 1 == sizes.0, name.count > 0 else { throw HDF5Unread("an attribute's name") }
    try padded()
    var type = NativeCursor(try cursor.part(sizes.1))
    let (datatype, byteCount) = try NativeDatatype.read(&type)
    try padded()
    guard type.rest < 8 else { throw HDF5Unread("an attribute's type") }
    let space = try NativeDataspace(cursor.part(sizes.2))
    try padded()
    let (size, overflow) = try space.elementCount().multipliedReportingOverflow(by: byteCount)
    guard !overflow else { throw HDF5Unread("an attribute beyond all memory") }
    let data = try cursor.part(size)
    guard cursor.rest < 8 else { throw HDF5Unread("an attribute with more behind it") }
    return Attribute(
      name: name, type: datatype, byteCount: byteCount, space: space, data: data)
  }

  private func named(_ name: String) -> Attribute? {
    attributes.first { $0.name.equals(name) }
  }

  /// A text, or `nil` where there is no such attribute.
  func text(_ name: String) throws -> String? {
    guard let found = named(name) else { return nil }
    guard case .text(let padding) = found.type, try found.space.elementCount() == 1 else {
      throw HDF5Unread("\(name) is no text")
    }
    return try NativeAttributes.text(found.data, padding)
  }

  static func text(_ data: NativeBytes, _ padding: FixedText.Padding) throws -> String {
    guard let text = data.withUnsafeBytes({ FixedText.decode($0, padding) }) else {
      throw HDF5Unread("a text that is not UTF-8")
    }
    return text
  }

  /// A list of integers, none for a null dataspace; or `nil`.
  func integers(_ name: String) throws -> [Int]? {
    guard let found = named(name) else { return nil }
    let count = try found.space.elementCount()
    guard found.type == .number(.init(format: .signed, isBigEndian: false)), count <= 64 else {
      throw HDF5Unread("\(name) is no list of integers")
    }
    return try (0..<count).map { index in
      switch found.byteCount {
      case 1: Int(try found.data.number(at: index, as: Int8.self))
      case 8: Int(try found.data.number(at: 8 * index, as: Int64.self))
      default: throw HDF5Unread("\(name) has integers of \(found.byteCount) bytes")
      }
    }
  }

  /// What stands for elements that are not there.
  func digest(dtype: DType) throws -> HDF5Digest? {
    guard let figures = try text("digest") else { return nil }
    let projection = try elements("projection", dtype: .float32).map { bytes in
      bytes.withUnsafeBytes { bytes in
        (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      }
    }
    return HDF5Digest(
      figures: figures, projection: projection, sample: try elements("sample", dtype: dtype))
  }

  private func elements(_ name: String, dtype: DType) throws -> [UInt8]? {
    guard let found = named(name) else { return nil }
    let recognized = try found.type.recognized(byteCount: found.byteCount)
    guard recognized.dtypes.contains(dtype), !recognized.isBigEndian,
      (1...HDF5Digest.elementLimit).contains(try found.space.elementCount())
    else { throw HDF5Unread("\(name) is no list of \(dtype)") }
    return found.data.withUnsafeBytes { Array($0) }
  }
}
