internal import CHDF5

/// A hard link of a group.
package struct HDF5Link: Hashable, Sendable {
  /// The link's name.
  package let name: String
  /// Where the object stands in the file: two links to one object have the same address.
  package let address: UInt64
}

extension HDF5Group {
  /// The group's links.
  ///
  /// - Parameter order: By name, or as made, which only groups know that were made to keep it.
  /// - Throws: ``HDF5Error/foreignLink(name:kind:)`` if any of them is not a hard link, and
  ///   ``HDF5Error/unusableText(_:)`` for a name that is not UTF-8.
  package func links(order: LinkOrder = .name) throws -> [HDF5Link] {
    struct Listing {
      var group: HDF5Group
      var links: [HDF5Link] = []
      var failure: HDF5Error?
    }
    var listing = Listing(group: self)
    try Library.call {
      let status = withUnsafeMutablePointer(to: &listing) { pointer in
        ch5l_iterate(
          handle.id, order == .name ? H5_INDEX_NAME : H5_INDEX_CRT_ORDER,
          { name, type, address, context in
            guard let name, let listing = context?.assumingMemoryBound(to: Listing.self) else {
              return -1
            }
            guard let text = String(validatingCString: name) else {
              listing.pointee.failure = .unusableText(String(cString: name))
              return -1
            }
            if let kind = foreignKind(type) {
              let path = listing.pointee.group.path(of: text)
              listing.pointee.failure = .foreignLink(name: path, kind: kind)
              return -1
            }
            listing.pointee.links.append(HDF5Link(name: text, address: UInt64(address)))
            return 0
          }, pointer)
      }
      if let failure = listing.failure { throw failure }
      try Library.check(status, "list \(path)")
    }
    return listing.links
  }
}
