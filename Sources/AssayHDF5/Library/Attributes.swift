#if SystemLibraries
internal import CHDF5

/// The attributes of one object: what the schema keeps there is short texts and integers.
package struct HDF5Attributes: Sendable {
  let handle: Handle
  let owner: String

  // libhdf5 itself allows 64 KiB to an attribute, and more only in its dense storage.
  private static let byteLimit = 1 << 20

  /// Whether there is an attribute of that name.
  package func contains(_ name: String) throws -> Bool {
    try Library.call {
      try Library.check(H5Aexists(handle.id, name), "look for \(owner)@\(name)") > 0
    }
  }

  /// Removes an attribute.
  package func remove(_ name: String) throws {
    try Library.call {
      _ = try Library.check(H5Adelete(handle.id, name), "remove \(owner)@\(name)")
    }
  }

  /// Adds a text as a fixed-length UTF-8 string.
  package func set(_ name: String, text: String) throws {
    try Library.call {
      let type = try Datatype.string(byteCount: text.utf8.count)
      let attribute = try create(name, type: type.id, space: try .scalar())
      var bytes = Array(text.utf8)
      if bytes.isEmpty { bytes = [0] }
      try Library.check(H5Awrite(attribute.id, type.id, bytes), "write \(owner)@\(name)")
    }
  }

  /// Adds one byte.
  package func set(_ name: String, byte: Int8) throws {
    try Library.call {
      let attribute = try create(name, type: ch5t_i8le(), space: try .scalar())
      let status = withUnsafePointer(to: byte) { H5Awrite(attribute.id, ch5t_i8le(), $0) }
      try Library.check(status, "write \(owner)@\(name)")
    }
  }

  /// Adds a list of integers; an empty one has a null dataspace.
  package func set(_ name: String, integers: [Int]) throws {
    try Library.call {
      let space = try integers.isEmpty ? Handle.null() : .simple([integers.count])
      let attribute = try create(name, type: ch5t_i64le(), space: space)
      guard !integers.isEmpty else { return }
      let values = integers.map { Int64($0) }
      try Library.check(
        H5Awrite(attribute.id, ch5t_native_int64(), values), "write \(owner)@\(name)")
    }
  }

  private func create(_ name: String, type: hid_t, space: Handle) throws -> Handle {
    try Handle(
      H5Acreate2(handle.id, name, type, space.id, ch5p_default(), ch5p_default()), .attribute,
      "create \(owner)@\(name)")
  }

  /// A text, or `nil` where there is no such attribute.
  ///
  /// - Throws: ``HDF5Error/unexpected(name:found:expected:)`` for any other type; a
  ///   variable-length string is one, because damaged ones make libhdf5 crash.
  package func text(_ name: String) throws -> String? {
    guard try contains(name) else { return nil }
    return try Library.call {
      let attribute = try open(name)
      let type = try Handle(H5Aget_type(attribute.id), .datatype, "read \(owner)@\(name)")
      let space = try Handle(H5Aget_space(attribute.id), .dataspace, "read \(owner)@\(name)")
      let size = try FixedText.byteCount(
        type: type, space: space, limit: HDF5Attributes.byteLimit, name: "\(owner)@\(name)")
      var bytes = [UInt8](repeating: 0, count: size)
      try Library.check(H5Aread(attribute.id, type.id, &bytes), "read \(owner)@\(name)")
      return try FixedText.decode(bytes, type: type, name: "\(owner)@\(name)")
    }
  }

  /// A list of integers, of one element for a scalar, none for a null dataspace; or `nil`.
  package func integers(_ name: String) throws -> [Int]? {
    guard try contains(name) else { return nil }
    return try Library.call {
      let attribute = try open(name)
      let type = try Handle(H5Aget_type(attribute.id), .datatype, "read \(owner)@\(name)")
      let space = try Handle(H5Aget_space(attribute.id), .dataspace, "read \(owner)@\(name)")
      let count = H5Sget_simple_extent_npoints(space.id)
      guard H5Tget_class(type.id) == H5T_INTEGER, (0...64).contains(count) else {
        throw HDF5Error.unexpected(
          name: "\(owner)@\(name)", found: "\(count) × \(Datatype.describe(type.id))",
          expected: "at most 64 integers")
      }
      if count == 0 { return [] }
      var values = [Int64](repeating: 0, count: Int(count))
      try Library.check(
        H5Aread(attribute.id, ch5t_native_int64(), &values), "read \(owner)@\(name)")
      return values.map { Int($0) }
    }
  }

  private func open(_ name: String) throws -> Handle {
    try Handle(
      H5Aopen(handle.id, name, ch5p_default()), .attribute, "open \(owner)@\(name)")
  }
}

extension HDF5Group {
  /// The group's attributes.
  package var attributes: HDF5Attributes { HDF5Attributes(handle: handle, owner: path) }
}

extension FixedText {
  /// The size of one string, checked before anything is allocated.
  static func byteCount(type: Handle, space: Handle, limit: Int, name: String) throws -> Int {
    let size = H5Tget_size(type.id)
    guard H5Tget_class(type.id) == H5T_STRING, H5Tis_variable_str(type.id) == 0,
      H5Sget_simple_extent_npoints(space.id) == 1, (1...limit).contains(size)
    else {
      let isVariable = H5Tis_variable_str(type.id) > 0
      throw HDF5Error.unexpected(
        name: name,
        found: isVariable ? "a variable-length string" : Datatype.describe(type.id),
        expected: "one fixed-length string of at most \(limit) bytes")
    }
    return size
  }

  /// Takes off the padding.
  static func decode(_ bytes: [UInt8], type: Handle, name: String) throws -> String {
    let padding: Padding =
      switch H5Tget_strpad(type.id) {
      case H5T_STR_NULLTERM: .endsWithNUL
      case H5T_STR_SPACEPAD: .space
      default: .nul
      }
    guard let decoded = bytes.withUnsafeBytes({ decode($0, padding) }) else {
      throw HDF5Error.unexpected(name: name, found: "not UTF-8", expected: "a text in UTF-8")
    }
    return decoded
  }
}
#endif
