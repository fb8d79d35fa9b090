#if SystemLibraries
import AssayBase
internal import AssayTensors
internal import CHDF5

/// An open group of an HDF5 file.
package struct HDF5Group: Sendable {
  /// The group's path within the file.
  package let path: String
  /// Kept open as long as a group of it is in use.
  let file: Handle
  let handle: Handle
  /// Where virtual datasets may have their elements; `nil` where these are refused.
  let sources: HDF5VirtualSources?

  init(rootOf file: Handle, sources: HDF5VirtualSources? = nil) throws {
    handle = try Handle(H5Gopen2(file.id, "/", ch5p_default()), .group, "open the root group")
    path = "/"
    self.file = file
    self.sources = sources
  }

  private init(_ handle: Handle, path: String, in group: HDF5Group) {
    self.handle = handle
    self.path = path
    file = group.file
    sources = group.sources
  }

  /// The last part of the path, or nothing for the root.
  package var name: String { path.parts(separatedBy: "/").last ?? "" }

  /// The path of something in the group.
  package func path(of name: String) -> String { path == "/" ? "/" + name : path + "/" + name }

  /// How a new group keeps its links.
  package enum LinkOrder: Sendable {
    /// By name only.
    case name
    /// By name, and in the order in which they were made.
    case creation
  }

  /// Makes a group in this one.
  ///
  /// - Throws: ``HDF5Error/library(operation:causes:)``, for a name that is taken as well.
  package func createGroup(_ name: String, order: LinkOrder = .name) throws -> HDF5Group {
    let path = path(of: try usable(name))
    return try Library.call {
      let list = try HDF5Group.creationList(order)
      let group = try Handle(
        H5Gcreate2(handle.id, name, ch5p_default(), list.id, ch5p_default()), .group,
        "create the group \(path)")
      return HDF5Group(group, path: path, in: self)
    }
  }

  /// Makes a group that no link leads to yet: without one, it is gone when the file is closed.
  ///
  /// - Parameter name: The name that it will have in this group.
  package func createUnlinkedGroup(_ name: String, order: LinkOrder = .name) throws -> HDF5Group {
    let path = path(of: try usable(name))
    return try Library.call {
      let list = try HDF5Group.creationList(order)
      let group = try Handle(
        H5Gcreate_anon(handle.id, list.id, ch5p_default()), .group, "create the group \(path)")
      return HDF5Group(group, path: path, in: self)
    }
  }

  /// Links a group that was made without a link.
  package func link(_ group: HDF5Group) throws {
    try Library.call {
      _ = try Library.check(
        H5Olink(group.handle.id, handle.id, group.name, ch5p_default(), ch5p_default()),
        "link \(group.path)")
    }
  }

  private static func creationList(_ order: LinkOrder) throws -> Handle {
    let list = try Handle(H5Pcreate(ch5p_group_create()), .propertyList, "prepare a group")
    let status = [
      H5Pset_obj_track_times(list.id, false),
      order == .creation ? H5Pset_link_creation_order(list.id, ch5p_crt_order()) : 0,
    ]
    try Library.check(status.min() ?? 0, "prepare a group")
    return list
  }

  /// Opens a group that a link of this one leads to.
  ///
  /// - Throws: ``HDF5Error/foreignLink(name:kind:remedy:)``, ``HDF5Error/unexpected(name:found:expected:)``.
  package func group(_ name: String) throws -> HDF5Group {
    let path = path(of: name)
    return try Library.call {
      guard let group = group(try open(name), name) else {
        throw HDF5Error.unexpected(name: path, found: "not a group", expected: "a group")
      }
      return group
    }
  }

  /// The group that an object is, or `nil` where it is none.
  ///
  /// It runs inside `Library.call`.
  func group(_ object: Handle, _ name: String) -> HDF5Group? {
    guard H5Iget_type(object.id) == H5I_GROUP else { return nil }
    return HDF5Group(object, path: path(of: name), in: self)
  }

  /// Gives an object of this file one more name, in this group.
  ///
  /// - Parameters:
  ///   - target: The names of links that lead to the object.
  ///   - start: The group where they begin.
  package func link(_ name: String, to target: String, from start: HDF5Group) throws {
    let path = path(of: try usable(name))
    try Library.call {
      _ = try Library.check(
        H5Lcreate_hard(start.handle.id, target, handle.id, name, ch5p_default(), ch5p_default()),
        "link \(path) to \(target)")
    }
  }

  /// Removes a name from the group.
  package func unlink(_ name: String) throws {
    try Library.call {
      _ = try Library.check(
        H5Ldelete(handle.id, name, ch5p_default()), "remove \(path(of: name))")
    }
  }

  /// Whether the group has a link of that name.
  package func contains(_ name: String) throws -> Bool {
    try Library.call {
      try Library.check(H5Lexists(handle.id, name, ch5p_default()), "look for \(name)") > 0
    }
  }

  func usable(_ name: String) throws -> String {
    guard !name.isEmpty, name != ".", !name.utf8.contains(where: { $0 == 0 || $0 == 0x2F }) else {
      throw HDF5Error.unusableText(name)
    }
    return name
  }
}
#endif
