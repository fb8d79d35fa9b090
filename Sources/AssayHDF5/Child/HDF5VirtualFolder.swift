#if SystemLibraries
package import AssayTensors
internal import Foundation

/// The folder in which, or below, virtual datasets have their elements.
package final class HDF5VirtualFolder: @unchecked Sendable {
  /// The folder, without links on the way.
  let path: String
  private let lock = NSLock()  // guards what follows
  private var child: HDF5ForeignFile?

  /// - Parameter path: The file, or where it will be, that refers to others.
  package init(beside path: String) throws {
    let parent = URL(filePath: path).deletingLastPathComponent().path
    guard let folder = HDF5VirtualSources.real(parent) else {
      throw HDF5Error.refusedStorage(name: path, reason: "its folder cannot be found")
    }
    self.path = folder
  }

  /// The way from the folder to a file; `nil` for one that is not in it or below.
  package func relativePath(to path: String) -> String? {
    HDF5VirtualSources.relativePath(to: path, from: self.path)
  }

  /// Checks that the sources are there, of this dtype, and make the whole of this shape.
  package func check(_ tensor: HDF5VirtualTensor, dtype: DType, shape: Shape) throws {
    let child = try lock.withLock {
      let child = try self.child ?? HDF5ForeignFile(nil, folder: path)
      self.child = child
      return child
    }
    try child.check(tensor, dtype: dtype, shape: shape)
  }
}
#endif
