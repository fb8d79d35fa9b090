/// What stands for the elements of a dataset that has none: attributes of it.
package struct HDF5Digest: Hashable, Sendable {
  /// Figures, as JSON.
  package var figures: String
  /// The random projection.
  package var projection: [Float]?
  /// Some elements in the tensor's dtype, little-endian.
  package var sample: [UInt8]?

  /// Makes a digest.
  package init(figures: String, projection: [Float]?, sample: [UInt8]?) {
    self.figures = figures
    self.projection = projection
    self.sample = sample
  }

  // Far more than a digest of this version holds, and little enough for the object's header.
  static let elementLimit = 4096
}
