internal import AssayTensors

/// A dataset whose bytes are in one piece of the file.
struct NativeDataset {
  private let file: NativeFile
  private let object: NativeObject
  private let type: NativeDatatype
  private let byteCount: Int
  private let space: NativeDataspace

  init(in file: NativeFile, at address: UInt64) throws {
    self.file = file
    object = try NativeObject(in: file, at: address)
    var cursor = NativeCursor(try object.one(.datatype))
    (type, byteCount) = try NativeDatatype.read(&cursor)
    guard cursor.rest < 8 else { throw HDF5Unread("a type with more behind it") }
    space = try NativeDataspace(object.one(.dataspace))
    guard !object.has(.symbolTable), !object.has(.linkInfo), !object.has(.link),
      !object.has(.groupInfo)
    else { throw HDF5Unread("a dataset with links") }
    try checkFill()
  }

  /// Checks how missing elements are filled, of which nothing is needed: none is missing.
  private func checkFill() throws {
    if let old = try object.only(.oldFill) {
      var cursor = NativeCursor(old)
      try checkFill(&cursor, size: cursor.number(UInt32.self))
    }
    guard let fill = try object.only(.fill) else { return }
    var cursor = NativeCursor(fill)
    let version = try cursor.byte()
    let isDefined: Bool
    switch version {
    case 2:
      guard (1...3).contains(try cursor.byte()), try cursor.byte() <= 2 else {
        throw HDF5Unread("a fill value")
      }
      let defined = try cursor.byte()
      guard defined <= 1 else { throw HDF5Unread("a fill value") }
      isDefined = defined == 1
    case 3:
      let flags = try cursor.byte()
      guard flags & 0xC0 == 0, flags & 3 != 0, flags >> 2 & 3 <= 2, flags & 0x30 != 0x30 else {
        throw HDF5Unread("a fill value")
      }
      isDefined = flags & 0x20 != 0
    default: throw HDF5Unread("a fill value of version \(version)")
    }
    if isDefined { try checkFill(&cursor, size: cursor.number(UInt32.self)) }
    guard cursor.rest < 8 else { throw HDF5Unread("a fill value with more behind it") }
  }

  private func checkFill(_ cursor: inout NativeCursor, size: UInt32) throws {
    guard size == 0 || size == byteCount else { throw HDF5Unread("a fill value of another type") }
    try cursor.skip(Int(size))
  }

  /// Where the elements are: in one piece, all of it within the file.
  private func range(byteCount: Int) throws -> Range<Int> {
    var cursor = NativeCursor(try object.one(.layout))
    let version = try cursor.byte()
    guard version == 3 || version == 4 else { throw HDF5Unread("a layout of \(version)") }
    switch try cursor.byte() {
    case 0:
      // In the header itself.
      let data = try cursor.part(cursor.short())
      guard data.count == byteCount, cursor.rest < 8 else { throw HDF5Unread("a layout's size") }
      return byteCount == 0 ? 0..<0 : data.address..<data.address + byteCount
    case 1:
      let address = try cursor.number(UInt64.self)
      let size = try cursor.number(UInt64.self)
      guard size == byteCount, cursor.rest < 8 else { throw HDF5Unread("a layout's size") }
      if byteCount == 0 { return 0..<0 }
      guard address <= file.end, size <= file.end - address else {
        throw HDF5Unread("elements beyond the file")
      }
      return Int(address)..<Int(address) + byteCount
    case let other: throw HDF5Unread("a layout of class \(other)")
    }
  }

  func describe() throws -> HDF5Dataset {
    let recognized = try type.recognized(byteCount: byteCount)
    let attributes = try NativeAttributes(of: object)
    guard let dtype = try attributes.text("dtype").flatMap(DType.init(torchName:)),
      recognized.dtypes.contains(dtype)
    else { throw HDF5Unread("a type and a dtype that do not agree") }
    switch space {
    case .null:
      _ = try range(byteCount: 0)
      guard let reason = try attributes.text("skipped"),
        let shape = try? Shape(attributes.integers("shape") ?? [])
      else { throw HDF5Unread("nothing, and no reason") }
      return HDF5Dataset(
        dtype: dtype,
        content: .skipped(shape, reason: reason, digest: try attributes.digest(dtype: dtype)))
    case .simple(let extents):
      guard let shape = try? Shape(extents) else { throw HDF5Unread("a shape") }
      let range = try range(byteCount: shape.elementCount * dtype.byteCount)
      return HDF5Dataset(
        dtype: dtype,
        content: .stored(
          shape, .range(range, isBigEndian: range.isEmpty ? false : recognized.isBigEndian)))
    }
  }

  func text() throws -> String {
    guard case .text(let padding) = type, try space.elementCount() == 1 else {
      throw HDF5Unread("no text")
    }
    let range = try range(byteCount: byteCount)
    return try NativeAttributes.text(
      file.bytes(at: UInt64(range.lowerBound), count: range.count), padding)
  }
}
