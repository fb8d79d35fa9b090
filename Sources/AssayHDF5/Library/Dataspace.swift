#if SystemLibraries
internal import CHDF5

extension Handle {
  /// The dataspace of one element without axes.
  static func scalar() throws -> Handle {
    try Handle(H5Screate(H5S_SCALAR), .dataspace, "make a dataspace")
  }

  /// The dataspace of no element at all.
  static func null() throws -> Handle {
    try Handle(H5Screate(H5S_NULL), .dataspace, "make a dataspace")
  }

  /// A dataspace with axes.
  static func simple(_ dimensions: [Int]) throws -> Handle {
    let extents = dimensions.map { hsize_t($0) }
    guard let rank = Int32(exactly: extents.count) else {
      throw HDF5Error.library(operation: "make a dataspace of \(extents.count) axes", causes: [])
    }
    return try Handle(
      H5Screate_simple(rank, extents, nil), .dataspace, "make a dataspace of shape \(dimensions)")
  }
}
#endif
