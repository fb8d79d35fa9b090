import AssayBase
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// What h5py wrote (`Fixtures/make_h5_fixtures.py`).
@Suite struct HDF5RunReaderTests {
  @Test(arguments: DType.allCases)
  func everyDTypeOfH5pyHasPyTorchsBits(_ dtype: DType) throws {
    let expected = try JSONDecoder().decode(
      [String: String].self,
      from: Data(contentsOf: URL(filePath: HDF5Fixture.path("dtypes.json"))))
    let reader = try HDF5RunReader(path: HDF5Fixture.path("dtypes.h5"))
    func tensor(_ slot: String) throws -> Tensor {
      try reader.tensor(
        TensorKey(
          CallKey(step: 0, module: dtype.rawValue, index: 0), device: Device("cuda:0"),
          slot: Slot(slot)))
    }
    let whole = try tensor("inputs_0")
    #expect(whole.dtype == dtype)
    #expect(whole.shape.dimensions == [2, 3])
    #expect(whole.device == Device("cuda:0"))
    let hex = whole.rowMajorBytes.map { String(format: "%02x", $0) }.joined()
    #expect(hex == expected[dtype.rawValue])
    let first = try tensor("outputs")
    #expect(first.shape == .scalar)
    #expect(first.rowMajorBytes == Array(whole.rowMajorBytes.prefix(dtype.byteCount)))
  }

  @Test func everyLayoutOfADatasetIsRead() throws {
    let reader = try HDF5RunReader(path: HDF5Fixture.path("layouts.h5"))
    #expect(reader.steps.map(\.index) == [9, 10])
    let records = try #require(reader.steps.last?.calls.first?.tensors)
    let slots = ["outputs_0", "outputs_1", "outputs_2", "outputs_10"]
    #expect(records.map(\.key.slot.rawValue) == slots)
    for record in records {
      #expect(try reader.tensor(record.key).float32Values() == (0..<1000).map(Float.init))
    }
  }

  @Test(arguments: [
    "external-link", "external-step", "soft-nothing", "soft-circle", "cycle", "stray-module",
    "stray-call",
    "stray-object", "missing-tensor", "missing-device", "variable-string", "not-json",
  ])
  func contradictionsAreRefused(_ name: String) throws {
    let path = HDF5Fixture.path(name + ".h5")
    do {
      _ = try HDF5RunReader(path: path)
      Issue.record("\(name) was opened")
    } catch RunError.damaged(let place, _) {
      #expect(place == path)
    }
  }

  @Test(arguments: [
    "virtual", "external-storage", "wrong-dtype", "no-dtype", "unknown-type", "huge", "unwritten",
    "filter", "soft-link", "lzf-damaged", "zstandard",
  ])
  func oneBadTensorDoesNotHideTheRun(_ name: String) throws {
    let path = HDF5Fixture.path(name + ".h5")
    let reader = try HDF5RunReader(path: path)
    let key = try #require(reader.steps.first?.calls.first?.tensors.first?.key)
    do {
      _ = try reader.tensor(key)
      Issue.record("\(name) was read")
    } catch RunError.unreadableTensor(let found, let place, _) {
      #expect(found == key)
      #expect(place == path)
    }
  }

  @Test func softLinksWithinTheFileAreFollowed() throws {
    let reader = try HDF5RunReader(path: HDF5Fixture.path("soft-tensors.h5"))
    let records = try #require(reader.steps.first?.calls.first?.tensors)
    #expect(records.map(\.key.slot.rawValue) == ["inputs_0", "outputs_0", "outputs_1"])
    for record in records {
      let values = try reader.tensor(record.key).float32Values()
      #expect(values[0] == 1.5 && values[3].isNaN && values[5] == -3)
    }
  }

  @Test func whatH5pyPackedWithLZFIsRead() throws {
    let reader = try HDF5RunReader(path: HDF5Fixture.path("lzf.h5"))
    let records = try #require(reader.steps.first?.calls.first?.tensors)
    let tensors = try records.map { try reader.tensor($0.key) }
    try #require(tensors.count == 4)
    for tensor in tensors[..<2] {
      #expect(tensor.float32Values() == (0..<1000).map(Float.init))
    }
    let noise = try Data(contentsOf: URL(filePath: HDF5Fixture.path("lzf-noise.bin")))
    #expect(tensors[2].rowMajorBytes == Array(noise))
    #expect(tensors[3].rowMajorBytes == [UInt8](repeating: 0, count: 800_000))
  }

  /// The commands were tried with h5repack 1.10.8: without its plugin it leaves a tensor out.
  @Test(arguments: [
    ("zstandard", ["filter 32015", "h5repack -f NONE", "plugin"]),
    ("filter", ["the filter scaleoffset (6)", "h5repack -f NONE"]),
    ("virtual", ["a virtual dataset", "h5repack -l CONTI"]),
    ("external-storage", ["external storage", "h5repack -l CONTI"]),
    (
      "external-link",
      [
        "an external link to /step_0/float32/call_0/cuda_0/inputs_0 of dtypes.h5",
        "h5repack --merge",
      ]
    ),
    ("external-step", ["/step_1 is an external link", "h5repack --merge"]),
    ("soft-nothing", ["a soft link to /step_0/gone, where nothing is"]),
    ("soft-circle", ["/step_0/m/call_0/cpu/outputs", "does not end"]),
  ]) func whatIsRefusedIsNamedWithItsRemedy(_ name: String, words: [String]) throws {
    var message = ""
    do {
      let reader = try HDF5RunReader(path: HDF5Fixture.path(name + ".h5"))
      _ = try reader.tensor(try #require(reader.steps.first?.calls.first?.tensors.first?.key))
    } catch let error as RunError {
      message = error.description
    }
    for word in words { #expect(message.contains(word), "\(message)") }
  }

  @Test func aTextIsNoRun() throws {
    let error = #expect(throws: RunError.self) {
      try HDF5RunReader(path: HDF5Fixture.path("dtypes.json"))
    }
    #expect(error?.description.contains("is a JSON text, not the file itself") == true)
  }

  @Test(arguments: ["foreign.h5", "other-schema.h5"])
  func foreignFilesAreNotRuns(_ name: String) throws {
    let path = HDF5Fixture.path(name)
    do {
      _ = try HDF5RunReader(path: path)
      Issue.record("\(name) was opened")
    } catch RunError.notARun(let place, let reason) {
      #expect(place == path)
      #expect(reason.contains("assay.hdf5/1"))
    }
  }

  @Test func nothingAndFoldersAreNotRuns() throws {
    let folder = try HDF5TemporaryFolder()
    #expect(throws: RunError.notFound(path: folder.path("none"))) {
      try HDF5RunReader(path: folder.path("none"))
    }
    #expect(throws: RunError.self) { try HDF5RunReader(path: folder.url.path) }
    try Data().write(to: URL(filePath: folder.path("empty")))
    #expect(throws: RunError.self) { try HDF5RunReader(path: folder.path("empty")) }
  }

  @Test(arguments: ["dtypes.h5", "layouts.h5"])
  func truncatedFilesAreErrors(_ name: String) throws {
    let folder = try HDF5TemporaryFolder()
    let whole = try Data(contentsOf: URL(filePath: HDF5Fixture.path(name)))
    let lengths = Array(0..<256) + Array(stride(from: 256, to: whole.count, by: 331))
    for length in lengths + [whole.count - 1] {
      let path = folder.path("cut.h5")
      try whole.prefix(length).write(to: URL(filePath: path))
      #expect(throws: RunError.self, "cut to \(length) bytes") { try HDF5RunReader(path: path) }
    }
  }
}
