#if SystemLibraries
internal import CHDF5

extension HDF5Group {
  /// The group's links, also the soft ones, by what they lead to.
  ///
  /// - Parameter order: By name, or as made, which only groups know that were made to keep it.
  /// - Throws: ``HDF5Error/foreignLink(name:kind:remedy:)`` if any of them leads out of the file or
  ///   nowhere, and ``HDF5Error/unusableText(_:)`` for a name that is not UTF-8.
  package func links(order: LinkOrder = .name) throws -> [HDF5Link] {
    struct Listing {
      var links: [(name: String, type: H5L_type_t, address: haddr_t)] = []
      var failure: HDF5Error?
    }
    return try Library.call {
      var listing = Listing()
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
            listing.pointee.links.append((text, type, address))
            return 0
          }, pointer)
      }
      if let failure = listing.failure { throw failure }
      try Library.check(status, "list \(path)")
      return try listing.links.map { name, type, address in
        var address = address
        if type != H5L_TYPE_HARD {
          let object = try open(name)
          try Library.check(
            ch5o_get_address(object.id, &address), "find what \(path(of: name)) leads to")
        }
        return HDF5Link(name: name, address: UInt64(address))
      }
    }
  }

  /// Opens what a link leads to within this file.
  ///
  /// It runs inside `Library.call`.
  ///
  /// - Throws: ``HDF5Error/foreignLink(name:kind:remedy:)``: libhdf5 itself would open other files
  ///   on the way.
  func open(_ name: String) throws -> Handle {
    var links = SoftLinks(rest: 16)  // as many as libhdf5 follows
    return try links.open(try usable(name), in: handle, path: path(of: name), of: file)
  }
}

/// Follows soft links step by step.
private struct SoftLinks {
  /// How many more may be followed.
  var rest: Int

  mutating func open(
    _ name: String, in group: Handle, path: String, of file: Handle
  ) throws -> Handle {
    var link = ch5_link(type: H5L_TYPE_ERROR, value_size: 0)
    try Library.check(ch5l_get_link(group.id, name, &link), "find \(path)")
    if link.type == H5L_TYPE_HARD {
      return try Handle(H5Oopen(group.id, name, ch5p_default()), .object, "open \(path)")
    }
    var value = [CChar](repeating: 0, count: min(link.value_size, 1 << 16) + 1)
    try Library.check(
      H5Lget_val(group.id, name, &value, value.count - 1, ch5p_default()), "read the link \(path)")
    guard link.type == H5L_TYPE_SOFT else {
      throw HDF5Error.foreignLink(
        name: path, kind: SoftLinks.describe(link.type, value),
        remedy: "take what it leads to into the file: h5repack --merge OLD.h5 NEW.h5")
    }
    guard
      let target = String(
        validating: value.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self),
      rest > 0
    else {
      throw HDF5Error.foreignLink(
        name: path, kind: "a soft link of a chain that does not end", remedy: "remove it")
    }
    rest -= 1
    do {
      return try follow(
        target, from: target.utf8.first == 0x2F ? nil : group, path: path, of: file)
    } catch HDF5Error.library {
      throw HDF5Error.foreignLink(
        name: path, kind: "a soft link to \(target), where nothing is",
        remedy: "link what it is meant to lead to")
    }
  }

  /// Opens what a soft link says, from a group or from the root.
  private mutating func follow(
    _ target: String, from group: Handle?, path: String, of file: Handle
  ) throws -> Handle {
    var object =
      try group ?? Handle(H5Gopen2(file.id, "/", ch5p_default()), .group, "open the root group")
    for name in target.utf8.split(separator: 0x2F) where !name.elementsEqual(".".utf8) {
      object = try open(String(name) ?? "", in: object, path: path, of: file)
    }
    return object
  }

  /// A link that is neither hard nor soft, in words.
  private static func describe(_ type: H5L_type_t, _ value: [CChar]) -> String {
    var (flags, file, path) = (UInt32(0), UnsafePointer<CChar>?.none, UnsafePointer<CChar>?.none)
    return value.withUnsafeBufferPointer { value in
      guard type == H5L_TYPE_EXTERNAL, let start = value.baseAddress,
        H5Lunpack_elink_val(start, value.count - 1, &flags, &file, &path) >= 0, let file, let path
      else { return "a user-defined link" }
      return "an external link to \(String(cString: path)) of \(String(cString: file))"
    }
  }
}
#endif
