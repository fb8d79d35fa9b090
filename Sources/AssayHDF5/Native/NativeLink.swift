/// A hard link, as a message or as an entry of a table says it.
struct NativeLink {
  /// The name's bytes, which are unsigned and not sorted by any language.
  let name: NativeBytes
  let address: UInt64

  init(name: NativeBytes, address: UInt64) {
    self.name = name
    self.address = address
  }

  /// Reads a link message, behind which nothing but padding may follow.
  init(message: NativeBytes) throws {
    var cursor = NativeCursor(message)
    try cursor.expect(1, "a link of version")
    let flags = try cursor.byte()
    guard flags & 0xE0 == 0 else { throw HDF5Unread("link flags \(flags)") }
    if flags & 0x08 != 0 { try cursor.expect(0, "a link of kind") }
    if flags & 0x04 != 0 {
      guard try cursor.number(Int64.self) >= 0 else { throw HDF5Unread("a link's place") }
    }
    if flags & 0x10 != 0 {
      guard try cursor.byte() <= 1 else { throw HDF5Unread("a link's character set") }
    }
    name = try cursor.part(cursor.size(byteCount: 1 << (flags & 3)))
    address = try cursor.number()
    guard cursor.rest < 8 else { throw HDF5Unread("a link with more behind it") }
  }

  /// The link as the schema's reader takes it.
  func made() throws -> HDF5Link {
    let text = try name.text()
    guard !text.isEmpty, text != ".", !text.utf8.contains(0x2F), address < UInt64.max else {
      throw HDF5Unread("a link that is unusable")
    }
    return HDF5Link(name: text, address: address)
  }
}
