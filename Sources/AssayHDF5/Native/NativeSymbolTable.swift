/// The links of an old group: a tree of tables, whose names are in a heap.
struct NativeSymbolTable: Equatable {
  var tree: UInt64
  var heap: UInt64

  init(tree: UInt64, heap: UInt64) {
    self.tree = tree
    self.heap = heap
  }

  init(_ message: NativeBytes) throws {
    var cursor = NativeCursor(message)
    tree = try cursor.number()
    heap = try cursor.number()
    guard cursor.rest == 0 else { throw HDF5Unread("a symbol table message that is too long") }
  }

  /// The links in the order of the tree, which is that of their names or refused.
  func links(in file: NativeFile) throws -> [NativeLink] {
    var walk = Walk(file: file, names: try NativeNameHeap(in: file, at: heap))
    try walk.enterNode(tree, level: nil)
    return walk.links
  }

  private struct Walk {
    let file: NativeFile
    let names: NativeNameHeap
    var links: [NativeLink] = []

    /// Reads a node of the tree.
    ///
    /// Below a node are nodes of one level less, so that the depth is bounded by a byte; libhdf5
    /// has never made one of more than a few.
    mutating func enterNode(_ address: UInt64, level: Int?) throws {
      let rank = 2 * file.superblock.innerRank
      var cursor = NativeCursor(try file.bytes(at: address, count: 24 + 16 * rank + 8))
      try cursor.expect("TREE")
      try cursor.expect(0, "a tree of")
      let found = try cursor.byte()
      guard found == level ?? found, found < 32 else { throw HDF5Unread("a tree's level") }
      let count = try cursor.short()
      guard count <= rank else { throw HDF5Unread("a tree's node of \(count) children") }
      try cursor.skip(16)
      var key = try names.name(at: cursor.size())
      for _ in 0..<count {
        let child = try cursor.number(UInt64.self)
        let next = try names.name(at: cursor.size())
        let first = links.count
        if found == 0 {
          try enterTable(child)
        } else {
          try enterNode(child, level: found - 1)
        }
        // A name is found between the keys beside its table only.
        guard first < links.count, key.precedes(links[first].name),
          let last = links.last, !next.precedes(last.name)
        else { throw HDF5Unread("a table's names beyond its keys") }
        key = next
      }
    }

    mutating func enterTable(_ address: UInt64) throws {
      let rank = 2 * file.superblock.leafRank
      var cursor = NativeCursor(try file.bytes(at: address, count: 8 + 40 * rank))
      try cursor.expect("SNOD")
      try cursor.expect(1, "a table of version")
      try cursor.skip(1)
      let count = try cursor.short()
      guard count <= rank else { throw HDF5Unread("a table of \(count) links") }
      for _ in 0..<count {
        let name = try names.name(at: cursor.size())
        let address = try cursor.number(UInt64.self)
        // A soft link is of kind 2; 1 repeats what the group's header says.
        guard try cursor.number(UInt32.self) <= 1 else { throw HDF5Unread("no hard link") }
        try cursor.skip(20)
        links.append(NativeLink(name: name, address: address))
      }
    }
  }
}

/// The heap that holds the names of an old group.
struct NativeNameHeap {
  private let data: NativeBytes

  init(in file: NativeFile, at address: UInt64) throws {
    var cursor = NativeCursor(try file.bytes(at: address, count: 32))
    try cursor.expect("HEAP")
    try cursor.expect(0, "a heap of version")
    try cursor.skip(3)
    let size = try cursor.size()
    let free = try cursor.number(UInt64.self)
    data = try file.bytes(at: cursor.number(), count: size)
    try checkFree(free)
  }

  /// Follows the list of free blocks, as libhdf5 does, which refuses one that is broken.
  private func checkFree(_ first: UInt64) throws {
    var (next, count) = (first, 0)
    while next != 1 {
      count += 1
      guard count <= data.count / 16, let start = Int(exactly: next), start.isMultiple(of: 8) else {
        throw HDF5Unread("a heap's list of free blocks")
      }
      next = try data.number(at: start, as: UInt64.self)
      let size = try data.number(at: start + 8, as: UInt64.self)
      guard size >= 16, size <= data.count - start else {
        throw HDF5Unread("a heap's list of free blocks")
      }
    }
  }

  func name(at offset: Int) throws -> NativeBytes { try data.untilNUL(from: offset) }
}
