import AssayBase
import AssayTensors
import Foundation
import Testing

@testable import AssayTorch

@Suite struct WritingTests {
  private func tensor(of dtype: DType, _ dimensions: [Int]) throws -> Tensor {
    let shape = try Shape(dimensions)
    let bytes = (0..<shape.elementCount * dtype.byteCount).map {
      UInt8(truncatingIfNeeded: $0 * 37)
    }
    let storage = bytes.withUnsafeBytes { Storage(copying: $0) }
    return try Tensor(storage: storage, dtype: dtype, shape: shape)
  }

  @Test(arguments: DType.allCases)
  func pickleIsTorchs(_ dtype: DType) throws {
    for (kind, dimensions) in [("scalar", []), ("deep", [1, 2, 1, 300])] {
      let pickle = Pickler.pickle(of: try tensor(of: dtype, dimensions))
      let hex = pickle.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      #expect(hex == Expectations.all.pickles["\(dtype) \(kind)"])
    }
  }

  /// Every dtype and kind of view comes back with the bits that torch said it has.
  @Test(arguments: ["dtypes.pt", "expanded.pt", "view.pt", "cuda_7.pt", "conjugated.pt"])
  func whatIsWrittenIsReadBack(_ name: String) throws {
    let expected = try #require(Expectations.all.files[name]).tensors
    let tensors = try TorchFile.load(path: Fixture.path(name)).tensors()
    try Fixture.withFolder { folder in
      for ((path, tensor), expected) in zip(tensors, expected) {
        let file = folder + "/tensor.pt"
        try TorchFile.write(tensor, to: file)
        let back = try TorchFile.loadTensor(path: file)
        #expect(back.expectation(path: path) == expected)
        #expect(back.isContiguous)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["tensor.pt"])
    }
  }

  @Test func largeStridedTensorIsWrittenInParts() throws {
    let wide = try tensor(of: .int32, [1000, 1003])
    let view = try Tensor(
      storage: wide.storage, dtype: .int32, shape: Shape([1003, 1000]), strides: [1, 1003])
    try Fixture.withFolder { folder in
      try TorchFile.write(view, to: folder + "/a.pt")
      let back = try TorchFile.loadTensor(path: folder + "/a.pt")
      #expect(back.withContiguousBytes { Array($0) } == view.withContiguousBytes { Array($0) })
    }
  }

  @Test func equalTensorsMakeEqualBytes() throws {
    let tensor = try tensor(of: .float32, [5])
    try Fixture.withFolder { folder in
      try FileManager.default.createDirectory(
        atPath: folder + "/b", withIntermediateDirectories: false)
      try TorchFile.write(tensor, to: folder + "/a.pt")
      try TorchFile.write(tensor, to: folder + "/b/a.pt")
      let first = try Data(contentsOf: URL(fileURLWithPath: folder + "/a.pt"))
      #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/b/a.pt")) == first)
    }
  }

  /// PyTorch's own recordings, written again, are the same files to the last byte.
  @Test(arguments: ["float32", "bfloat16"])
  func bytesAreTorchs(_ dtype: String) throws {
    let step = "Golden/tiny-llama/\(dtype)/step_0"
    let files = try FileManager.default.subpathsOfDirectory(atPath: step)
      .filter { $0.hasSuffix(".pt") }
    #expect(files.count > 100)
    try Fixture.withFolder { folder in
      for file in files {
        let copy = folder + "/" + URL(filePath: file).lastPathComponent
        try TorchFile.write(TorchFile.loadTensor(path: step + "/" + file), to: copy)
        let expected = try Data(contentsOf: URL(filePath: step + "/" + file))
        #expect(try Data(contentsOf: URL(filePath: copy)) == expected, "\(file)")
      }
    }
  }

  @Test func dataIsAlignedAndEntriesAreTorchs() throws {
    let tensor = try tensor(of: .float32, [5])
    try Fixture.withFolder { folder in
      let path = folder + "/step.0.pt"
      try TorchFile.write(tensor, to: path)
      let archive = try ZipArchive(file: MappedFile(path: path))
      #expect(archive.index.root == "step.0")
      let entries = archive.index.entries.values.sorted { $0.start < $1.start }
      #expect(
        entries.map(\.name) == [
          "step.0/data.pkl", "step.0/.format_version", "step.0/.storage_alignment",
          "step.0/byteorder", "step.0/data/0", "step.0/version", "step.0/.data/serialization_id",
        ])
      for entry in entries {
        #expect(entry.data.lowerBound.isMultiple(of: 64))
        #expect(entry.checksum != 0)
      }
    }
  }

  @Test(arguments: [1, 100, 300])
  func zip64FieldsAreReadBack(_ wideLimit: Int) throws {
    let tensor = try tensor(of: .float64, [40])
    try Fixture.withFolder { folder in
      let path = folder + "/wide.pt"
      try TensorWriter.write(tensor, to: path, wideLimit: wideLimit)
      #expect(try TorchFile.loadTensor(path: path).hex == tensor.hex)
    }
  }

  @Test func failedWriteLeavesNothingBehind() throws {
    let tensor = try tensor(of: .float32, [2])
    try Fixture.withFolder { folder in
      let missing = #expect(throws: TorchError.self) {
        try TorchFile.write(tensor, to: folder + "/missing/a.pt")
      }
      #expect(missing?.caseName == "unwritable")
      // A folder stands where the file should go: the rename fails.
      try FileManager.default.createDirectory(
        atPath: folder + "/a.pt", withIntermediateDirectories: false)
      #expect(throws: TorchError.self) { try TorchFile.write(tensor, to: folder + "/a.pt") }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.pt"])
    }
  }

  @Test func writingReplacesWhatWasThereEvenWhileItIsMapped() throws {
    try Fixture.withFolder { folder in
      let path = folder + "/a.pt"
      try TorchFile.write(try tensor(of: .int8, [4]), to: path)
      let old = try TorchFile.loadTensor(path: path)
      let before = old.hex
      try TorchFile.write(try tensor(of: .int64, [9]), to: path)
      #expect(old.hex == before)
      #expect(try TorchFile.loadTensor(path: path).dtype == .int64)
    }
  }
}
