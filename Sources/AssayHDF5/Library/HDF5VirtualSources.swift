#if SystemLibraries
internal import AssayTensors
internal import CHDF5
internal import Foundation

/// The files below a folder from which virtual datasets take their elements.
///
/// libhdf5 would look for them elsewhere too, and give zeros for those that it does not find: here a
/// source that is missing, elsewhere or not as it was is an error.
final class HDF5VirtualSources: @unchecked Sendable {
  private let folder: String
  // Used inside `Library.call` only.
  private var files: [String: (file: HDF5File, byteCount: Int)] = [:]

  /// - Parameter folder: A folder, without links on the way.
  init(folder: String) { self.folder = folder }

  /// The way from a folder to a file; `nil` for one that is not in it or below.
  static func relativePath(to path: String, from folder: String) -> String? {
    guard let real = Self.real(path), real.hasPrefix(folder + "/") else { return nil }
    return String(real.dropFirst(folder.count + 1))
  }

  /// A path without links on the way.
  static func real(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Checks that the sources are there, of this dtype, and make the whole of this shape.
  func check(_ tensor: HDF5VirtualTensor, dtype: DType, shape: Shape) throws {
    try Library.call { _ = try open(tensor, dtype: dtype, shape: shape, path: "the tensor") }
  }

  /// What reads parts of a tensor as they stand in the sources.
  func reader(
    of tensor: HDF5VirtualTensor, dtype: DType, shape: Shape, path: String
  ) throws -> (DatasetPart, UnsafeMutableRawPointer) throws -> Void {
    let sources = try open(tensor, dtype: dtype, shape: shape, path: path)
    return { part, base in
      let box = part.box ?? shape.dimensions.map { 0..<$0 }
      let whole = try Handle.simple(box.map(\.count))
      for slab in tensor.slabs {
        let common = zip(slab.to, box).map { $0.clamped(to: $1) }
        guard common.allSatisfy({ !$0.isEmpty }) else { continue }
        // The same entries, counted in the source and in the part.
        let from = common.indices.map { axis in
          let shift = slab.from[axis].lowerBound - slab.to[axis].lowerBound
          return common[axis].lowerBound + shift..<common[axis].upperBound + shift
        }
        try whole.select(
          zip(common, box).map { $0.lowerBound - $1.lowerBound..<$0.upperBound - $1.lowerBound })
        try sources[slab.source].read(from, into: whole, base)
      }
    }
  }

  private func open(
    _ tensor: HDF5VirtualTensor, dtype: DType, shape: Shape, path: String
  ) throws -> [DatasetReader] {
    var sources: [DatasetReader] = []
    var byteCount = 0
    for source in tensor.sources {
      let (file, size) = try self.file(source.file, for: path)
      func refused(_ reason: String) -> HDF5Error {
        .refusedStorage(
          name: path,
          reason: "its source /\(source.names.joined(separator: "/")) of \(source.file) \(reason)")
      }
      let reader: DatasetReader
      let dataset: HDF5Dataset
      do {
        var group = file.root
        for name in source.names.dropLast() { group = try group.group(name) }
        reader = try DatasetReader(
          group: group, name: source.names.last ?? "", fileByteCount: size)
        dataset = try reader.describe()
      } catch {
        throw refused("cannot be read: \(error)")
      }
      guard case .stored(let found, _) = dataset.content, found == source.shape,
        dataset.dtype == dtype, try reader.isStored(as: dtype)
      else {
        throw refused("is not the \(dtype) \(source.shape) that it was when this was written")
      }
      sources.append(reader)
      byteCount += size
    }
    guard shape.elementCount * dtype.byteCount <= 1100 * byteCount + 64 << 20 else {
      throw HDF5Error.refusedStorage(
        name: path, reason: "so many elements cannot come from files of \(byteCount) bytes")
    }
    if let fault = tensor.fault(for: shape) {
      throw HDF5Error.refusedStorage(name: path, reason: fault)
    }
    return sources
  }

  /// Opens a file below the folder, once.
  private func file(_ name: String, for path: String) throws -> (file: HDF5File, byteCount: Int) {
    if let known = files[name] { return known }
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }),
      !name.utf8.contains(0), parts.count < 64
    else {
      throw HDF5Error.refusedStorage(
        name: path, reason: "its source \"\(name)\" is no file below the folder of this one")
    }
    let place = folder + "/" + name
    guard FileManager.default.fileExists(atPath: place) else {
      throw HDF5Error.refusedStorage(name: path, reason: "its source \(place) is missing")
    }
    guard Self.relativePath(to: place, from: folder) != nil else {
      throw HDF5Error.refusedStorage(
        name: path, reason: "its source \(place) leads out of the folder")
    }
    do {
      let attributes = try FileManager.default.attributesOfItem(atPath: place)
      let opened = (
        try HDF5File(reading: place), (attributes[.size] as? NSNumber)?.intValue ?? 0
      )
      files[name] = opened
      return opened
    } catch {
      throw HDF5Error.refusedStorage(
        name: path, reason: "its source \(place) cannot be read: \(error)")
    }
  }
}
#endif
