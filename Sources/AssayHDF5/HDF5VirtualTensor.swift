package import AssayTensors

/// A tensor whose elements stay in datasets of other files: boxes of them are boxes of the tensor.
package struct HDF5VirtualTensor: Hashable, Sendable {
  /// A dataset of another file.
  package struct Source: Hashable, Sendable {
    /// The file, relative to the folder of the file that refers to it, with `/` between names.
    package var file: String
    /// The names of links from the root to the dataset.
    package var names: [String]
    /// The whole dataset's shape.
    package var shape: Shape

    package init(file: String, names: [String], shape: Shape) {
      self.file = file
      self.names = names
      self.shape = shape
    }
  }

  /// Entries of a source along its axes, and those of the tensor that they are.
  package struct Slab: Hashable, Sendable {
    /// Its position among the sources.
    package var source: Int
    package var from: [Range<Int>]
    package var to: [Range<Int>]

    package init(source: Int, from: [Range<Int>], to: [Range<Int>]) {
      self.source = source
      self.from = from
      self.to = to
    }
  }

  package var sources: [Source]
  package var slabs: [Slab]

  package init(sources: [Source], slabs: [Slab]) {
    self.sources = sources
    self.slabs = slabs
  }

  /// The sources in the order in which slabs come of them.
  var firstUsed: [Source] {
    var seen: Set<Int> = []
    return slabs.compactMap { seen.insert($0.source).inserted ? sources[$0.source] : nil }
  }

  /// Why the slabs are not the whole of a tensor of this shape, or `nil` where they are.
  ///
  /// - Complexity: One byte for each entry along the axes that slabs cut.
  func fault(for shape: Shape) -> String? {
    let extents = shape.dimensions
    var count = 0
    for slab in slabs {
      guard sources.indices.contains(slab.source), slab.from.count == extents.count,
        slab.to.count == extents.count, sources[slab.source].shape.rank == extents.count,
        slab.from.map(\.count) == slab.to.map(\.count),
        zip(slab.to, extents).allSatisfy({ $0.lowerBound >= 0 && $0.upperBound <= $1 }),
        zip(slab.from, sources[slab.source].shape.dimensions)
          .allSatisfy({ $0.lowerBound >= 0 && $0.upperBound <= $1 })
      else { return "a part of it lies beyond the dataset or its source" }
      count += slab.to.reduce(1) { $0 * $1.count }
      guard count <= shape.elementCount else { return "its parts overlap" }
    }
    guard count == shape.elementCount else {
      return "its parts hold \(count) of \(shape.elementCount) elements"
    }
    // As many elements as there are, so they are all where none is there twice.
    let cut = extents.indices.filter { axis in
      slabs.contains { $0.to[axis].count != extents[axis] }
    }
    var isTaken = [Bool](repeating: false, count: cut.reduce(1) { $0 * extents[$1] })
    for slab in slabs {
      var positions = [0]
      for axis in cut {
        positions = positions.flatMap { position in
          slab.to[axis].map { position * extents[axis] + $0 }
        }
      }
      for position in positions {
        guard !isTaken[position] else { return "its parts overlap" }
        isTaken[position] = true
      }
    }
    return nil
  }
}
