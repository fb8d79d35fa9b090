/// The head of a file: of version 0 in recordings, 2 and 3 in goldens.
struct NativeSuperblock {
  /// The first address behind everything that the file holds.
  var end: UInt64 = 0
  /// The header of the root group.
  var root: UInt64 = 0
  /// What version 0 repeats of the root group.
  var cachedRoot: NativeSymbolTable?
  /// Half of the most links of a table's leaf, and half of the most children of its inner node.
  var leafRank = 0
  var innerRank = 0

  static let undefined = UInt64.max

  init() {}

  init(of file: NativeFile) throws {
    var cursor = NativeCursor(try file.bytes(at: 0, count: 48))
    guard try cursor.number(UInt64.self).bigEndian == 0x89_48_44_46_0D_0A_1A_0A else {
      throw HDF5Unread("no signature at the file's start")
    }
    let version = try cursor.byte()
    switch version {
    case 0: try readFirst(NativeCursor(file.bytes(at: 0, count: 96)))
    case 2, 3: try readChecked(cursor)
    default: throw HDF5Unread("superblock \(version)")
    }
  }

  private mutating func readFirst(_ start: NativeCursor) throws {
    var cursor = start
    try cursor.skip(9)
    try cursor.expect(0, "free space")
    try cursor.expect(0, "symbol table entry")
    try cursor.skip(1)
    try cursor.expect(0, "shared messages")
    try cursor.expect(8, "offsets of")
    try cursor.expect(8, "lengths of")
    try cursor.skip(1)
    leafRank = try cursor.short()
    innerRank = try cursor.short()
    guard leafRank > 0, innerRank > 0, try cursor.number(UInt32.self) == 0,
      try cursor.number(UInt64.self) == 0,
      try cursor.number(UInt64.self) == NativeSuperblock.undefined
    else { throw HDF5Unread("a superblock with flags, a base or free space") }
    end = try cursor.number()
    guard try cursor.number(UInt64.self) == NativeSuperblock.undefined else {
      throw HDF5Unread("a driver")
    }
    // The root's own entry has no name.
    guard try cursor.number(UInt64.self) == 0 else { throw HDF5Unread("a root with a name") }
    root = try cursor.number()
    let kind = try cursor.number(UInt32.self)
    try cursor.skip(4)
    switch kind {
    case 0: break
    case 1:
      cachedRoot = NativeSymbolTable(tree: try cursor.number(), heap: try cursor.number())
    default: throw HDF5Unread("a root entry of kind \(kind)")
    }
  }

  private mutating func readChecked(_ start: NativeCursor) throws {
    var cursor = start
    try cursor.bytes.checkChecksum(after: 44)
    try cursor.expect(8, "offsets of")
    try cursor.expect(8, "lengths of")
    // A file that is open for writing has flags.
    try cursor.expect(0, "flags")
    guard try cursor.number(UInt64.self) == 0,
      try cursor.number(UInt64.self) == NativeSuperblock.undefined
    else { throw HDF5Unread("a base or an extension") }
    end = try cursor.number()
    root = try cursor.number()
  }
}
