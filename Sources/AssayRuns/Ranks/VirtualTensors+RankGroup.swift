internal import AssayHDF5
import AssayTensors

extension VirtualTensors {
  #if SystemLibraries
  /// Leaves the tensors of a group where they are, but for sums and those without elements or axes.
  ///
  /// - Parameter path: Where the file will be that refers to the ranks' files, which are in its
  ///   folder or below.
  /// - Throws: ``RunError/unsupported(path:reason:)`` for a rank whose run is no such HDF5 file.
  package init(_ group: RankGroup, beside path: String) throws {
    let sources = try HDF5VirtualFolder(beside: path)
    let files = try group.ranks.map { run in
      guard run is HDF5RunReader else {
        throw RunError.unsupported(
          path: run.path,
          reason: "only HDF5 files can be referred to, and this is none; convert the ranks first")
      }
      guard let file = sources.relativePath(to: run.path) else {
        throw RunError.unsupported(
          path: run.path,
          reason: "it is not in the folder of \(path) or below, where what it refers to has to be")
      }
      return file
    }
    find = { key, whole in
      guard whole.elementCount > 0, whole.shape.rank > 0, let slabs = try group.slabs(of: key)
      else { return nil }
      var tensor = HDF5VirtualTensor(sources: [], slabs: [])
      var positions: [Int: Int] = [:]
      for slab in slabs {
        let position = positions[slab.rank] ?? tensor.sources.count
        if position == tensor.sources.count {
          positions[slab.rank] = position
          tensor.sources.append(
            HDF5VirtualTensor.Source(
              file: files[slab.rank], names: HDF5Schema.names(of: slab.key), shape: slab.shape))
        }
        tensor.slabs.append(
          HDF5VirtualTensor.Slab(source: position, from: slab.from, to: slab.to))
      }
      do {
        try sources.check(tensor, dtype: whole.dtype, shape: whole.shape)
      } catch {
        throw RunError.writeFailed(path: path, reason: "\(key): \(error)")
      }
      return tensor
    }
  }
  #else
  /// Says what it needs.
  ///
  /// - Throws: ``RunError/writeFailed(path:reason:)``, always.
  package init(_ group: RankGroup, beside path: String) throws {
    throw HDF5RunWriter.unavailable(path)
  }
  #endif
}
