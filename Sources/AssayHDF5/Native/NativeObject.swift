/// The header of a group or dataset: messages, in one block or several.
struct NativeObject {
  enum Kind: Int {
    case none = 0
    case dataspace = 1
    case linkInfo = 2
    case datatype = 3
    case oldFill = 4
    case fill = 5
    case link = 6
    case layout = 8
    case groupInfo = 10
    case attribute = 12
    case oldTime = 14
    case continuation = 16
    case symbolTable = 17
    case time = 18
    case attributeInfo = 21
    case linkCount = 22
  }

  struct Message {
    var kind: Kind
    var bytes: NativeBytes
  }

  private(set) var messages: [Message] = []
  /// A bit for each kind that occurs.
  private var kinds: UInt32 = 0

  // Groups and datasets of this schema have few; every one costs the reading of a block.
  private static let blockLimit = 4096

  init(in file: NativeFile, at address: UInt64) throws {
    let start = try file.bytes(at: address, count: 16)
    if try start.part(from: 0, count: 4).equals("OHDR") {
      try readChecked(file, address)
    } else {
      try readFirst(file, address, start)
    }
  }

  /// Whether there is a message of a kind.
  func has(_ kind: Kind) -> Bool { kinds & 1 << kind.rawValue != 0 }

  /// All messages of a kind.
  func all(_ kind: Kind) -> [NativeBytes] { messages.lazy.filter { $0.kind == kind }.map(\.bytes) }

  /// The only message of a kind, or `nil` for none.
  func only(_ kind: Kind) throws -> NativeBytes? {
    guard has(kind) else { return nil }
    var found: NativeBytes?
    for message in messages where message.kind == kind {
      guard found == nil else { throw HDF5Unread("two messages \(kind)") }
      found = message.bytes
    }
    return found
  }

  /// The only message of a kind, which must be there.
  func one(_ kind: Kind) throws -> NativeBytes {
    guard let message = try only(kind) else { throw HDF5Unread("no message \(kind)") }
    return message
  }

  private mutating func add(kind: Int, flags: Int, _ bytes: NativeBytes) throws {
    // Constant, or not to be shared: anything else has consequences.
    guard let kind = Kind(rawValue: kind), flags & ~0x05 == 0 else {
      throw HDF5Unread("a message of kind \(kind) with flags \(flags)")
    }
    if kind == .linkCount {
      var cursor = NativeCursor(bytes)
      try cursor.expect(0, "a count of links of version")
      guard try cursor.number(UInt32.self) > 0 else { throw HDF5Unread("an object without links") }
    }
    if messages.isEmpty { messages.reserveCapacity(8) }
    messages.append(Message(kind: kind, bytes: bytes))
    kinds |= 1 << kind.rawValue
  }

  /// The blocks that messages lead to, which `next` has read up to now.
  private func continuation(_ next: inout Int) throws -> (address: UInt64, count: Int)? {
    guard has(.continuation) else { return nil }
    while next < messages.count {
      let message = messages[next]
      next += 1
      guard message.kind == .continuation else { continue }
      var cursor = NativeCursor(message.bytes)
      return (try cursor.number(), try cursor.size())
    }
    return nil
  }

  private mutating func readFirst(
    _ file: NativeFile, _ address: UInt64, _ start: NativeBytes
  ) throws {
    var cursor = NativeCursor(start)
    try cursor.expect(1, "an object header of version")
    try cursor.skip(1)
    let count = try cursor.short()
    guard try cursor.number(UInt32.self) > 0 else { throw HDF5Unread("an object without links") }
    let size = try cursor.size(byteCount: 4)
    try addFirst(file.bytes(at: address + 16, count: size))
    var (next, blocks) = (0, 1)
    while let block = try continuation(&next) {
      blocks += 1
      guard blocks <= NativeObject.blockLimit, messages.count <= count else {
        throw HDF5Unread("too many blocks")
      }
      try addFirst(file.bytes(at: block.address, count: block.count))
    }
    guard messages.count == count else {
      throw HDF5Unread("\(messages.count) messages instead of \(count)")
    }
  }

  private mutating func addFirst(_ block: NativeBytes) throws {
    var cursor = NativeCursor(block)
    while cursor.rest > 0 {
      let kind = try cursor.short()
      let size = try cursor.short()
      let flags = try cursor.byte()
      try cursor.skip(3)
      guard size.isMultiple(of: 8) else { throw HDF5Unread("a message that is not aligned") }
      try add(kind: kind, flags: flags, cursor.part(size))
    }
  }

  private mutating func readChecked(_ file: NativeFile, _ address: UInt64) throws {
    // The prefix has at most 4 + 2 + 16 + 4 + 8 bytes; the block may end before.
    var cursor = NativeCursor(
      try file.bytes(at: address, count: Int(min(34, file.end - address))))
    try cursor.expect("OHDR")
    try cursor.expect(2, "an object header of version")
    let flags = try cursor.byte()
    guard flags & 0xC0 == 0 else { throw HDF5Unread("object header flags \(flags)") }
    try cursor.skip((flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0))
    let size = try cursor.size(byteCount: 1 << (flags & 3))
    let prefix = cursor.position
    guard size <= file.end else { throw HDF5Unread("an object header beyond the file") }
    let block = try file.bytes(at: address, count: prefix + size + 4)
    try block.checkChecksum(after: prefix + size)
    let hasOrder = flags & 0x04 != 0
    try addChecked(block.part(from: prefix, count: size), hasOrder: hasOrder)
    var (next, blocks) = (0, 1)
    while let found = try continuation(&next) {
      blocks += 1
      guard blocks <= NativeObject.blockLimit, found.count >= 8 else {
        throw HDF5Unread("too many blocks, or a small one")
      }
      let block = try file.bytes(at: found.address, count: found.count)
      guard try block.part(from: 0, count: 4).equals("OCHK") else {
        throw HDF5Unread("expected OCHK")
      }
      try block.checkChecksum(after: found.count - 4)
      try addChecked(block.part(from: 4, count: found.count - 8), hasOrder: hasOrder)
    }
  }

  private mutating func addChecked(_ block: NativeBytes, hasOrder: Bool) throws {
    var cursor = NativeCursor(block)
    // What is too small for a message is a gap.
    while cursor.rest >= (hasOrder ? 6 : 4) {
      let kind = try cursor.byte()
      let size = try cursor.short()
      let flags = try cursor.byte()
      if hasOrder { try cursor.skip(2) }
      try add(kind: kind, flags: flags, cursor.part(size))
    }
  }
}
