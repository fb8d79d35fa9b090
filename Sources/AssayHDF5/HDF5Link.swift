/// A link of a group.
package struct HDF5Link: Hashable, Sendable {
  /// The link's name.
  package let name: String
  /// Where the object stands in the file: two links to one object have the same address.
  package let address: UInt64
}
