/// A version 2 B-tree, read at once: its records in order.
struct NativeTree {
  private(set) var records: [NativeBytes] = []
  private let file: NativeFile
  private let kind: Int
  private let recordByteCount: Int
  private let nodeByteCount: Int
  /// For each level, from the leaves: the most records of a node, and of all below it.
  private var limits: [(records: Int, all: Int)] = []

  /// - Parameter kind: What the records are; 5 are names of links.
  init(in file: NativeFile, at address: UInt64, kind: Int, recordByteCount: Int) throws {
    self.file = file
    self.kind = kind
    self.recordByteCount = recordByteCount
    let header = try file.bytes(at: address, count: 38)
    try header.checkChecksum(after: 34)
    var cursor = NativeCursor(header)
    try cursor.expect("BTHD")
    try cursor.expect(0, "a tree of version")
    try cursor.expect(kind, "a tree of")
    nodeByteCount = try cursor.size(byteCount: 4)
    let size = try cursor.short()
    let depth = try cursor.short()
    try cursor.skip(2)
    let root = try cursor.number(UInt64.self)
    let count = try cursor.short()
    let total = try cursor.size()
    guard size == recordByteCount, depth < 16, (64...1 << 24).contains(nodeByteCount),
      total <= Int(file.end) / size
    else { throw HDF5Unread("the header of a tree") }
    try makeLimits(depth)
    records.reserveCapacity(total)
    if total > 0 || count > 0 { try enter(root, level: depth, count: count, total: total) }
    guard records.count == total else { throw HDF5Unread("a tree of another size") }
  }

  private mutating func makeLimits(_ depth: Int) throws {
    let leaf = (nodeByteCount - 10) / recordByteCount
    limits = [(leaf, leaf)]
    for level in 0..<depth {
      let pointer = pointerByteCount(to: level)
      let records = (nodeByteCount - 10 - pointer) / (recordByteCount + pointer)
      let (below, overflow) = (records + 1).multipliedReportingOverflow(by: limits[level].all)
      guard !overflow, below < 1 << 48 else { throw HDF5Unread("a tree that is too deep") }
      limits.append((records, below + records))
    }
  }

  /// The bytes of a number that is at most `limit`.
  private static func byteCount(upTo limit: Int) -> Int {
    (Int.bitWidth - max(limit, 1).leadingZeroBitCount - 1) / 8 + 1
  }

  private func pointerByteCount(to level: Int) -> Int {
    8 + NativeTree.byteCount(upTo: limits[0].records)
      + (level > 0 ? NativeTree.byteCount(upTo: limits[level].all) : 0)
  }

  /// Reads a node and what is below it; each level is one less, so the depth is bounded.
  private mutating func enter(_ address: UInt64, level: Int, count: Int, total: Int) throws {
    let first = records.count
    guard count > 0, count <= limits[level].records else { throw HDF5Unread("a node's count") }
    let node = try file.bytes(at: address, count: nodeByteCount)
    let pointers = level > 0 ? (count + 1) * pointerByteCount(to: level - 1) : 0
    try node.checkChecksum(after: 6 + count * recordByteCount + pointers)
    var cursor = NativeCursor(node)
    try cursor.expect(level > 0 ? "BTIN" : "BTLF")
    try cursor.expect(0, "a node of version")
    try cursor.expect(kind, "a node of")
    let own = try (0..<count).map { _ in try cursor.part(recordByteCount) }
    if level == 0 {
      records += own
    } else {
      for index in 0...count {
        let child = try cursor.number(UInt64.self)
        let childCount = try cursor.size(
          byteCount: NativeTree.byteCount(upTo: limits[0].records))
        let childTotal =
          try level > 1
          ? cursor.size(byteCount: NativeTree.byteCount(upTo: limits[level - 1].all)) : childCount
        try enter(child, level: level - 1, count: childCount, total: childTotal)
        if index < count { records.append(own[index]) }
      }
    }
    guard records.count - first == total else { throw HDF5Unread("a node of another size") }
  }
}
