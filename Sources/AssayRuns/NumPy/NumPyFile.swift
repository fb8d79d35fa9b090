import AssayBase
import AssayTensors
import AssayTorch
import Foundation

/// The arrays of a `.npz`, or the one of a `.npy`; each is looked at when it is asked for.
struct NumPyFile: Sendable {
  /// The names of the arrays, in the order in which they lie in the file.
  let names: [String]
  private let file: MappedFile
  private let content: Content

  private enum Content: Sendable {
    case array
    case archive(ZipArchive, [ZipEntry])
  }

  /// Opens a file.
  ///
  /// - Parameter path: A file that numpy's `savez`, `savez_compressed` or `save` wrote, told apart by
  ///   the first bytes; the only array of a `.npy` has the name of the file.
  /// - Throws: ``RunError/damaged(path:reason:)`` and ``RunError/standIn(path:reason:)``.
  init(path: String) throws(RunError) {
    do { file = try MappedFile(path: path) } catch { throw .standIn(at: path) ?? RunError(error) }
    let isArray = file.withUnsafeBytes { $0.first == 0x93 }
    if isArray {
      names = [URL(filePath: path).deletingPathExtension().lastPathComponent]
      content = .array
      return
    }
    let archive: ZipArchive
    do {
      archive = try ZipArchive(file: file)
    } catch {
      throw .standIn(at: path) ?? .damaged(path: path, reason: error.reason(about: path))
    }
    let entries = archive.entries
    names = entries.map { entry in
      entry.name.utf8.elementsEqual(".npy".utf8) || !entry.name.hasSuffix(".npy")
        ? entry.name : String(entry.name.unicodeScalars.dropLast(4))
    }
    content = .archive(archive, entries)
  }

  /// Maps one array, or unpacks it.
  ///
  /// - Parameter position: A position in ``names``.
  func tensor(at position: Int) throws(NumPyHeader.Failure) -> Tensor {
    var budget = MemoryBudget(path: file.path, fileSize: file.byteCount)
    do {
      let storage =
        switch content {
        case .array: try Storage(file: file, range: 0..<file.byteCount)
        case .archive(let archive, let entries):
          try archive.storage(of: entries[position], budget: &budget)
        }
      let tensor = try NumPyFile.tensor(in: storage, &budget)
      // What was unpacked or turned around is no part of the file any more, which else tells.
      try file.checkUnchanged()
      return tensor
    } catch let failure as NumPyHeader.Failure {
      throw failure
    } catch TorchError.excessive(_, let reason) {
      throw NumPyHeader.Failure("\(reason); save it unpacked, as numpy.savez does")
    } catch let error as TorchError {
      throw NumPyHeader.Failure(error.reason(about: file.path))
    } catch {
      throw NumPyHeader.Failure("\(error)")
    }
  }

  /// The tensor that the bytes of a `.npy` show.
  private static func tensor(in storage: Storage, _ budget: inout MemoryBudget) throws -> Tensor {
    let header = try storage.withUnsafeBytes { try NumPyHeader($0) }
    let shape = try Shape(header.shape)
    let needed = shape.elementCount * header.dtype.byteCount
    let found = storage.byteCount - header.end
    guard found == needed else {
      throw NumPyHeader.Failure(
        "\(found) bytes stand behind its header, and \(header.dtype) \(shape) takes \(needed)")
    }
    let strides = header.isColumnMajor && needed > 0 ? shape.columnMajorStrides : nil
    guard header.isBigEndian else {
      return try Tensor(
        storage: storage, dtype: header.dtype, shape: shape, strides: strides,
        byteOffset: header.end)
    }
    try budget.spend(needed, on: "turning its bytes around")
    return try Tensor(
      storage: storage.swapped(width: header.dtype.scalarByteCount, from: header.end),
      dtype: header.dtype, shape: shape, strides: strides)
  }
}

extension Shape {
  /// The strides, in elements, of a column-major tensor that has elements.
  fileprivate var columnMajorStrides: [Int] {
    var stride = 1
    return dimensions.map { extent in
      defer { stride *= extent }
      return stride
    }
  }
}
