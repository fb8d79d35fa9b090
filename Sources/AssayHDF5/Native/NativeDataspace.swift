/// The extents of a dataset or attribute.
enum NativeDataspace: Equatable {
  /// No element at all.
  case null
  /// Extents; none for a scalar.
  case simple([Int])

  init(_ bytes: NativeBytes) throws {
    var cursor = NativeCursor(bytes)
    let version = try cursor.byte()
    let rank = try cursor.byte()
    let flags = try cursor.byte()
    guard rank <= 32, flags & ~1 == 0 else { throw HDF5Unread("a dataspace") }
    switch version {
    case 1: try cursor.skip(5)
    case 2:
      let kind = try cursor.byte()
      guard kind <= 2, (kind == 1) == (rank > 0), rank > 0 || flags == 0 else {
        throw HDF5Unread("a dataspace of kind \(kind)")
      }
      if kind == 2 {
        self = .null
        return
      }
    default: throw HDF5Unread("a dataspace of version \(version)")
    }
    let extents = try (0..<rank).map { _ in try cursor.size() }
    if flags & 1 != 0 {
      for extent in extents {
        guard try cursor.number(UInt64.self) >= extent else { throw HDF5Unread("a dataspace") }
      }
    }
    guard cursor.rest < 8 else { throw HDF5Unread("a dataspace that is too long") }
    self = .simple(extents)
  }

  /// The number of elements.
  func elementCount() throws -> Int {
    guard case .simple(let extents) = self else { return 0 }
    return try extents.reduce(1) { product, extent in
      let (product, overflow) = product.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw HDF5Unread("extents beyond all memory") }
      return product
    }
  }
}
