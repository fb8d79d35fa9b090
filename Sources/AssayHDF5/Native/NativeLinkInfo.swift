/// What the header of a new group says of its links.
struct NativeLinkInfo {
  /// Where they are, unless in the header itself.
  var storage: NativeDenseLinks?

  init(_ message: NativeBytes) throws {
    var cursor = NativeCursor(message)
    try cursor.expect(0, "link information of version")
    let flags = try cursor.byte()
    guard flags & ~3 == 0 else { throw HDF5Unread("link information flags \(flags)") }
    if flags & 1 != 0 {
      guard try cursor.number(Int64.self) >= 0 else { throw HDF5Unread("a link's place") }
    }
    let heap = try cursor.number(UInt64.self)
    let names = try cursor.number(UInt64.self)
    if flags & 2 != 0 { try cursor.skip(8) }
    guard cursor.rest < 8 else { throw HDF5Unread("link information that is too long") }
    if heap != NativeSuperblock.undefined { storage = NativeDenseLinks(heap: heap, names: names) }
  }

  /// Checks the group's own message, of which nothing is needed.
  static func checkGroup(_ message: NativeBytes) throws {
    var cursor = NativeCursor(message)
    try cursor.expect(0, "group information of version")
    let flags = try cursor.byte()
    guard flags & ~3 == 0 else { throw HDF5Unread("group information flags \(flags)") }
    try cursor.skip(4 * (flags & 1) + 2 * (flags & 2))
  }
}

/// The links of a new group that has many: messages in a heap, found by a tree of names.
struct NativeDenseLinks {
  let heap: UInt64
  let names: UInt64

  func links(in file: NativeFile) throws -> [NativeLink] {
    let tree = try NativeTree(in: file, at: names, kind: 5, recordByteCount: 11)
    let heap = try NativeHeap(in: file, at: self.heap, identifierByteCount: 7)
    var links: [NativeLink] = []
    links.reserveCapacity(tree.records.count)
    var before: (hash: UInt32, name: NativeBytes)?
    for record in tree.records {
      let hash = try record.number(at: 0, as: UInt32.self)
      let link = try NativeLink(message: heap.object(record.part(from: 4, count: 7)))
      // In this order libhdf5 finds them.
      guard hash == link.name.checksum else { throw HDF5Unread("a name's hash") }
      if let before {
        guard before.hash < hash || before.hash == hash && before.name.precedes(link.name) else {
          throw HDF5Unread("names that are not in order")
        }
      }
      before = (hash, link.name)
      links.append(link)
    }
    return links
  }
}
