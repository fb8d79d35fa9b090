import AssayBase
import AssayRuns
import AssayTensors
import Foundation
import Testing

@testable import AssayHDF5

@Suite struct HDF5RoundTripTests {
  private let folder: HDF5TemporaryFolder

  init() throws { folder = try HDF5TemporaryFolder() }

  @Test(arguments: [HDF5RunWriter.Mode.recording, .golden], DType.allCases)
  func everyDTypeKeepsItsBits(_ mode: HDF5RunWriter.Mode, _ dtype: DType) throws {
    let path = folder.path("run.h5")
    let tensors = try [[3, 5], [], [0, 4], [1]].enumerated().map {
      try Tensor(counting: dtype, shape: $1, from: $0 * 11)
    }
    let writer = try HDF5RunWriter(path: path, mode: mode, manifest: RunManifest(id: "a"))
    try writer.writeStep(
      0, [CallPart(0, "m", .inputs, .tuple(tensors.map { .tensor($0) }))])
    try writer.receive(.runEnded(RunManifest(id: "a")))

    let reader = try HDF5RunReader(path: path)
    let call = try #require(reader.steps.first?.calls.first)
    #expect(call.tensors.map(\.key.slot.rawValue) == (0..<4).map { "inputs_\($0)" })
    for (record, expected) in zip(call.tensors, tensors) {
      let tensor = try reader.tensor(record.key)
      #expect(tensor.dtype == dtype)
      #expect(tensor.shape == expected.shape)
      #expect(tensor.rowMajorBytes == expected.rowMajorBytes)
    }
  }

  @Test func stridedViewsAreWrittenRowMajor() throws {
    let storage = (0..<6).map(Float.init).withUnsafeBytes { Storage(copying: $0) }
    let transposed = try Tensor(
      storage: storage, dtype: .float32, shape: Shape([3, 2]), strides: [1, 3])
    let writer = try HDF5RunWriter(
      path: folder.path("run.h5"), mode: .recording, manifest: RunManifest(id: "a"))
    try writer.writeStep(0, [CallPart(0, "m", .outputs, .tensor(transposed))])
    try writer.receive(.runEnded(RunManifest(id: "a")))
    let reader = try HDF5RunReader(path: folder.path("run.h5"))
    let key = try #require(reader.steps[0].calls[0].tensors.first?.key)
    #expect(try reader.tensor(key).float32Values() == [0, 3, 1, 4, 2, 5])
  }

  @Test func theManifestTheOrderAndTheDescriptionsComeBack() throws {
    var manifest = RunManifest(id: "run")
    manifest.configuration = .object(["log_step_ids": .array([])])
    manifest.provenance = Provenance(tool: "assay", toolVersion: "1", created: "today")
    manifest.recipe = Recipe(
      model: "é/model", tokenIDs: Array(0..<20_000), steps: 1, dtype: "float32", devices: ["cpu"])
    let path = folder.path("run.h5")
    let writer = try HDF5RunWriter(path: path, mode: .recording, manifest: RunManifest(id: "run"))
    let tensor = try Tensor(counting: .float32, shape: [2])
    for step in [2, 10] {
      try writer.receive(.stepBegan(step))
      try writer.receive(.captured(CallPart(step, "model", .inputs, .none)))
      try writer.receive(.captured(CallPart(step, "model.a/b%", .outputs, .tensor(tensor))))
      try writer.receive(
        .captured(CallPart(step, "model.a/b%", call: 1, .postForwardInputs, .tensor(tensor))))
      try writer.receive(
        .stepEnded(
          step,
          calls: [
            .init(step: step, module: "model", index: 0),
            .init(step: step, module: "model.a/b%", index: 1),
            .init(step: step, module: "model.a/b%", index: 0),
          ], completionOrder: [2, 1, 0]))
    }
    try writer.receive(.runEnded(manifest))

    let reader = try HDF5RunReader(path: path)
    #expect(reader.manifest == manifest)
    #expect(reader.steps.map(\.index) == [2, 10])
    let step = try #require(reader.steps.last)
    #expect(step.calls.map(\.call.module) == ["model", "model.a/b%", "model.a/b%"])
    #expect(step.calls.map(\.call.index) == [0, 1, 0])
    #expect(step.completionOrder == [2, 1, 0])
    #expect(step.calls[0].descriptions == [.inputs: .null])
    #expect(step.calls[1].descriptions[.postForwardInputs]?.members?["numel"]?.int == 2)
    #expect(step.calls[1].tensors.map(\.key.slot.rawValue) == ["post_fwd_inputs"])
  }

  @Test(arguments: [[], [4, 1 << 40]])
  func skippedTensorsKeepTheirNote(_ shape: [Int]) throws {
    let note = SkippedTensor(
      dtype: .bfloat16, shape: try Shape(shape), device: Device("cuda:1"), reason: "too large")
    let path = folder.path("run.h5")
    let writer = try HDF5RunWriter(path: path, mode: .golden, manifest: RunManifest(id: "a"))
    try writer.writeStep(
      0,
      [
        CallPart(
          call: CallKey(step: 0, module: "m", index: 0), side: .outputs, description: .null,
          tensors: [.skipped(Slot("outputs"), note)])
      ])
    try writer.receive(.runEnded(RunManifest(id: "a")))
    let reader = try HDF5RunReader(path: path)
    let record = try #require(reader.steps.first?.calls.first?.tensors.first)
    #expect(record.skipped == note)
    #expect(record.key.device == Device("cuda:1"))
    #expect(throws: RunError.self) { try reader.tensor(record.key) }
  }

  @Test func equalTensorsAreStoredOnce() throws {
    let path = folder.path("run.h5")
    let large = try Tensor(counting: .uint8, shape: [1 << 20])
    let other = try Tensor(counting: .int8, shape: [1 << 20])  // the same bytes, another dtype
    let writer = try HDF5RunWriter(path: path, mode: .golden, manifest: RunManifest(id: "a"))
    for step in 0..<2 {
      try writer.writeStep(
        step,
        [
          CallPart(step, "a", .inputs, .tuple([.tensor(large), .tensor(other)])),
          CallPart(step, "b", .outputs, .tensor(large)),
        ])
    }
    try writer.receive(.runEnded(RunManifest(id: "a")))
    let file = try HDF5File(reading: path)
    func address(_ names: [String], _ slot: String) throws -> UInt64? {
      try names.reduce(file.root) { try $0.group($1) }.links().first { $0.name == slot }?.address
    }
    let first = try address(["step_0", "a", "call_0", "cpu"], "inputs_0")
    #expect(first != nil)
    #expect(try address(["step_0", "b", "call_0", "cpu"], "outputs") == first)
    #expect(try address(["step_1", "b", "call_0", "cpu"], "outputs") == first)
    #expect(try address(["step_0", "a", "call_0", "cpu"], "inputs_1") != first)
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    #expect((2 << 20..<2 << 20 + 32 << 10).contains(try #require(size)))
  }

  /// Two contents of one fingerprint, made by solving its definition for the fifth word.
  @Test func onlyEqualBytesAreStoredOnce() throws {
    let contents: [[UInt64]] = [
      [1, 0, 0, 0, 0, 0, 0, 0], [2, 0, 0, 0, 0xB90E_AB17_E1BD_4729, 0, 0, 0],
    ]
    let fingerprints = contents.map { $0.withUnsafeBytes { Fingerprint.of($0) } }
    #expect(fingerprints[0] == fingerprints[1])
    let path = folder.path("run.h5")
    let writer = try HDF5RunWriter(path: path, mode: .recording, manifest: RunManifest(id: "a"))
    let tensors = try contents.map { try Tensor($0, dtype: .uint64) }
    let modules = ["a", "b", "a", "b"]
    try writer.writeStep(
      0,
      modules.enumerated().map { call, module in
        CallPart(0, module, call: call / 2, .outputs, .tensor(tensors[call % 2]))
      })
    try writer.receive(.runEnded(RunManifest(id: "a")))
    let reader = try HDF5RunReader(path: path)
    let found = try reader.steps[0].calls.flatMap(\.tensors).map { try reader.tensor($0.key) }
    #expect(found.map(\.rowMajorBytes) == (0..<4).map { tensors[$0 % 2].rowMajorBytes })
  }

  @Test func oneRunGivesTheSameBytesTwice() throws {
    for name in ["a.h5", "b.h5"] {
      let writer = try HDF5RunWriter(
        path: folder.path(name), mode: .golden, manifest: RunManifest(id: "a"))
      let tensor = try Tensor(counting: .float16, shape: [7])
      try writer.writeStep(0, [CallPart(0, "m", .outputs, .tensor(tensor))])
      try writer.receive(.runEnded(RunManifest(id: "a")))
    }
    let files = try ["a.h5", "b.h5"].map { try Data(contentsOf: URL(filePath: folder.path($0))) }
    #expect(files[0] == files[1])
  }
}
