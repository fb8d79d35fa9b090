package import AssayTensors
internal import CHDF5
internal import Foundation

/// The files below a folder from which virtual datasets take their elements.
///
/// libhdf5 would look for them elsewhere too, and give zeros for those that it does not find: here a
/// source that is missing, elsewhere or not as it was is an error.
package final class HDF5VirtualSources: @unchecked Sendable {
  private let folder: String
  // Used inside `Library.call` only.
  private var files: [String: (file: HDF5File, byteCount: Int)] = [:]

  /// - Parameter path: The file, or where it will be, that refers to others.
  package init(beside path: String) throws {
    let parent = URL(filePath: path).deletingLastPathComponent().path
    guard let folder = Self.real(parent) else {
      throw HDF5Error.refusedStorage(name: path, reason: "its folder cannot be found")
    }
    self.folder = folder
  }

  /// The way from the folder to a file; `nil` for one that is not in it or below.
  package func relativePath(to path: String) -> String? {
    guard let real = Self.real(path), real.hasPrefix(folder + "/") else { return nil }
    return String(real.dropFirst(folder.count + 1))
  }

  private static func real(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Checks that the sources are there, of this dtype, and make the whole of this shape.
  package func check(_ tensor: HDF5VirtualTensor, dtype: DType, shape: Shape) throws {
    try Library.call { _ = try open(tensor, dtype: dtype, shape: shape, path: "the tensor") }
  }

  /// Reads all elements as they stand in the sources.
  func read(
    _ tensor: HDF5VirtualTensor, dtype: DType, shape: Shape, path: String
  ) throws -> Storage {
    let sources = try open(tensor, dtype: dtype, shape: shape, path: path)
    let whole = try Handle.simple(shape.dimensions)
    return try Storage(byteCount: shape.elementCount * dtype.byteCount) { buffer in
      guard let base = buffer.baseAddress, !buffer.isEmpty else { return }
      for slab in tensor.slabs {
        try whole.select(slab.to)
        try sources[slab.source].read(slab.from, into: whole, base)
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
    guard relativePath(to: place) != nil else {
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
