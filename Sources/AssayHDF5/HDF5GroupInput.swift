/// A group as the schema's reader needs it, whoever reads the file.
package protocol HDF5GroupInput {
  /// The group's path within the file.
  var path: String { get }
  /// The last part of the path, or nothing for the root.
  var name: String { get }
  /// The group's links by name.
  func links() throws -> [HDF5Link]
  /// Whether the group has a link of that name.
  func contains(_ name: String) throws -> Bool
  /// The group that a link of this one leads to.
  func group(at link: HDF5Link) throws -> any HDF5GroupInput
  /// The tensor's dataset that a link leads to, with no more bytes than the file has.
  func dataset(at link: HDF5Link) throws -> HDF5Dataset
  /// The text that is a dataset of this name.
  func text(of name: String) throws -> String
  /// The text that is an attribute, or `nil` where there is none.
  func text(ofAttribute name: String) throws -> String?
  /// The integers that are an attribute, or `nil` where there is none.
  func integers(ofAttribute name: String) throws -> [Int]?
}

extension HDF5GroupInput {
  /// The path of something in the group.
  package func path(of name: String) -> String { path == "/" ? "/" + name : path + "/" + name }
}

/// A group as libhdf5 reads it.
package struct HDF5LibraryGroup: HDF5GroupInput {
  private let group: HDF5Group
  private let fileByteCount: Int

  /// - Parameter fileByteCount: The size of the whole file.
  package init(_ group: HDF5Group, fileByteCount: Int) {
    self.group = group
    self.fileByteCount = fileByteCount
  }

  package var path: String { group.path }
  package var name: String { group.name }
  package func links() throws -> [HDF5Link] { try group.links() }
  package func contains(_ name: String) throws -> Bool { try group.contains(name) }

  package func group(at link: HDF5Link) throws -> any HDF5GroupInput {
    HDF5LibraryGroup(try group.group(link.name), fileByteCount: fileByteCount)
  }

  package func dataset(at link: HDF5Link) throws -> HDF5Dataset {
    try group.dataset(link.name, fileByteCount: fileByteCount)
  }

  package func text(of name: String) throws -> String {
    try group.readText(name, fileByteCount: fileByteCount)
  }

  package func text(ofAttribute name: String) throws -> String? {
    try group.attributes.text(name)
  }

  package func integers(ofAttribute name: String) throws -> [Int]? {
    try group.attributes.integers(name)
  }
}
