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
