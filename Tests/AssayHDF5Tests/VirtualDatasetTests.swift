import AssayBase
import AssayHDF5
import AssayTensors
import Foundation
import Testing

/// Virtual datasets that nobody writes: what they name, and what they leave out.
@Suite final class VirtualDatasetTests {
  private let folder = FileManager.default.temporaryDirectory
    .appending(component: "assay-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.createDirectory(
      at: folder.appending(path: "inner"), withIntermediateDirectories: true)
    for name in ["outside.h5", "inner/source.h5"] { try writeSource(name) }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private var path: String { folder.appending(path: "inner/one.h5").path }

  private func writeSource(_ name: String) throws {
    let file = try HDF5File(creating: folder.appending(path: name).path, for: .archive)
    let tensor = try Tensor([1, 2, 3, 4] as [Float], dtype: .float32, shape: Shape([4]))
    try tensor.withContiguousBytes {
      _ = try file.root.writeTensor("x%", dtype: .float32, shape: tensor.shape, bytes: $0)
    }
    try file.close()
  }

  /// Writes and reads a dataset of slabs, `(from, to)`, along its one axis.
  private func read(
    _ slabs: [(Range<Int>, Range<Int>)], of count: Int, from file: String = "source.h5",
    name: String = "x%", shape: [Int] = [4], dtype: DType = .float32
  ) throws -> [Float] {
    try? FileManager.default.removeItem(atPath: path)
    let written = try HDF5File(creating: path, for: .archive)
    try written.root.writeVirtual(
      "whole", dtype: dtype, shape: Shape([count]),
      HDF5VirtualTensor(
        sources: [HDF5VirtualTensor.Source(file: file, names: [name], shape: Shape(shape))],
        slabs: slabs.map { HDF5VirtualTensor.Slab(source: 0, from: [$0], to: [$1]) }))
    try written.close()
    let opened = try HDF5ForeignFile(OpenFile(path: path), readsVirtual: true)
    let storage = try opened.elements(["whole"], dtype: dtype, shape: Shape([count]))
    return try Tensor(storage: storage, dtype: dtype, shape: Shape([count]), device: .cpu)
      .float32Values()
  }

  private func reason(_ body: () throws -> [Float]) -> String {
    do { return "nothing was wrong: \(try body())" } catch { return "\(error)" }
  }

  @Test func slabsAreReadWhereTheyBelong() throws {
    #expect(try read([(0..<1, 2..<3), (2..<4, 0..<2)], of: 3) == [3, 4, 1])
  }

  @Test func holesAndOverlapsAreErrors() {
    #expect(reason { try read([(0..<2, 0..<2)], of: 3) }.contains("its parts hold 2 of 3 elements"))
    #expect(
      reason { try read([(0..<2, 0..<2), (2..<3, 1..<2)], of: 3) }.contains("its parts overlap"))
    #expect(
      reason { try read([(0..<2, 0..<2), (0..<2, 1..<3)], of: 3) }.contains("its parts overlap"))
  }

  @Test(arguments: [
    "../outside.h5", "/etc/hostname", "./source.h5", "missing.h5", "a//source.h5", ".",
  ])
  func onlyFilesBelowTheFolderAreSources(_ file: String) {
    let reason = reason { try read([(0..<4, 0..<4)], of: 4, from: file) }
    #expect(reason.contains("is no file below the folder") || reason.contains("is missing"))
  }

  @Test func aSourceOfAnotherShapeOrDtypeIsAnError() {
    #expect(
      reason { try read([(0..<3, 0..<3)], of: 3, shape: [3]) }
        .contains("its source /x% of source.h5 is not the float32 [3] that it was"))
    #expect(
      reason { try read([(0..<4, 0..<4)], of: 4, dtype: .int32) }.contains("is not the int32 [4]"))
    #expect(reason { try read([(0..<4, 0..<4)], of: 4, name: "y") }.contains("cannot be read"))
  }

  /// A source may not refer to other files in its turn.
  @Test func aSourceThatIsVirtualIsRefused() throws {
    _ = try read([(0..<4, 0..<4)], of: 4)
    try FileManager.default.moveItem(
      atPath: path, toPath: folder.appending(path: "inner/second.h5").path)
    #expect(
      reason { try read([(0..<4, 0..<4)], of: 4, from: "second.h5", name: "whole") }
        .contains("cannot be read: /whole: a virtual dataset"))
  }

  /// libhdf5 takes a missing source for zeros, also where it finds one in the working directory.
  @Test func nothingIsReadWithoutAFolderToLookIn() throws {
    _ = try read([(0..<4, 0..<4)], of: 4)
    let opened = try HDF5ForeignFile(OpenFile(path: path))
    #expect(
      reason {
        _ = try opened.elements(["whole"], dtype: .float32, shape: Shape([4]))
        return []
      }.contains("read them with --virtual"))
  }
}
