import AssayRuns
import AssayTensors
import Foundation
import Testing

@Suite struct HDF5RunWriterTests {
  private let folder: HDF5TemporaryFolder

  init() throws { folder = try HDF5TemporaryFolder() }

  private func write(_ writer: HDF5RunWriter, step: Int) throws {
    let tensor = try Tensor(counting: .float32, shape: [16], from: step)
    try writer.writeStep(step, [CallPart(step, "m", .outputs, .tensor(tensor))])
  }

  @Test func aRecordingInProgressShowsItsCompletedSteps() throws {
    let path = folder.path("run.h5")
    let writer = try HDF5RunWriter(path: path, mode: .recording, manifest: RunManifest(id: "a"))
    for step in 0..<3 { try write(writer, step: step) }
    try writer.receive(.stepBegan(3))
    let tensor = try Tensor(counting: .int8, shape: [100])
    try writer.receive(.captured(CallPart(3, "m", .inputs, .tensor(tensor))))
    // What a killed process leaves: the bytes that are in the file now.
    let copy = folder.path("killed.h5")
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    let reader = try HDF5RunReader(path: copy)
    #expect(!reader.manifest.isComplete)
    #expect(reader.steps.map(\.index) == [0, 1, 2])
    let key = try #require(reader.steps[2].calls[0].tensors.first?.key)
    let expected = try Tensor(counting: .float32, shape: [16], from: 2)
    #expect(try reader.tensor(key).rowMajorBytes == expected.rowMajorBytes)
    withExtendedLifetime(writer) {}
  }

  /// What a step adds to a recording does not grow with the steps before it.
  @Test func everyStepOfARecordingAddsTheSame() throws {
    let path = folder.path("run.h5")
    let writer = try HDF5RunWriter(path: path, mode: .recording, manifest: RunManifest(id: "a"))
    var sizes: [Int] = []
    for step in 1000..<3000 {
      try writer.receive(.stepBegan(step))
      try writer.receive(.stepEnded(step, calls: [], completionOrder: []))
      sizes.append(try Data(contentsOf: URL(filePath: path), options: .alwaysMapped).count)
    }
    let added = zip(sizes.dropFirst(), sizes).map { $0 - $1 }
    #expect(Set(added.prefix(100).sorted()) == Set(added))
    #expect(added.prefix(100).max() ?? 0 > 0)
  }

  @Test func aRecordingThatEndsWithinAStepIsComplete() throws {
    let path = folder.path("run.h5")
    let writer = try HDF5RunWriter(path: path, mode: .recording, manifest: RunManifest(id: "a"))
    try write(writer, step: 0)
    try writer.receive(.stepBegan(1))
    try writer.receive(.runEnded(RunManifest(id: "a")))
    let reader = try HDF5RunReader(path: path)
    #expect(reader.manifest.isComplete)
    #expect(reader.steps.map(\.index) == [0])
  }

  @Test func whatADiscardedStepHeldIsWrittenAgain() throws {
    let path = folder.path("run.h5")
    let writer = try HDF5RunWriter(path: path, mode: .recording, manifest: RunManifest(id: "a"))
    let tensor = try Tensor(counting: .int16, shape: [9])
    try writer.receive(.stepBegan(0))
    try writer.receive(.captured(CallPart(0, "m", .outputs, .tensor(tensor))))
    try writer.receive(.stepDiscarded(0))
    try writer.writeStep(0, [CallPart(0, "m", .outputs, .tensor(tensor))])
    try writer.receive(.runEnded(RunManifest(id: "a")))
    let reader = try HDF5RunReader(path: path)
    let key = try #require(reader.steps.first?.calls.first?.tensors.first?.key)
    #expect(try reader.tensor(key).rowMajorBytes == tensor.rowMajorBytes)
  }

  @Test func aRecordingIsNotOverwritten() throws {
    let path = folder.path("run.h5")
    try Data("mine".utf8).write(to: URL(filePath: path))
    #expect(throws: RunError.alreadyExists(path: path)) {
      try HDF5RunWriter(path: path, mode: .recording, manifest: RunManifest(id: "a"))
    }
    #expect(try Data(contentsOf: URL(filePath: path)) == Data("mine".utf8))
  }

  @Test func aGoldenAppearsWholeOrNotAtAll() throws {
    let path = folder.path("golden.h5")
    try Data("predecessor".utf8).write(to: URL(filePath: path))
    do {
      let writer = try HDF5RunWriter(path: path, mode: .golden, manifest: RunManifest(id: "a"))
      try write(writer, step: 0)
      #expect(try folder.names.count == 2)
    }
    #expect(try folder.names == ["golden.h5"])
    #expect(try Data(contentsOf: URL(filePath: path)) == Data("predecessor".utf8))

    let writer = try HDF5RunWriter(path: path, mode: .golden, manifest: RunManifest(id: "b"))
    try write(writer, step: 0)
    try writer.receive(.runEnded(RunManifest(id: "b")))
    #expect(try folder.names == ["golden.h5"])
    #expect(try HDF5RunReader(path: path).manifest.id == "b")
    #expect(throws: RunError.self) { try writer.receive(.stepBegan(1)) }
  }

  @Test func aGoldenThatFailsLeavesNothingBehind() throws {
    let path = folder.path("golden.h5")
    let writer = try HDF5RunWriter(path: path, mode: .golden, manifest: RunManifest(id: "a"))
    // A folder in the way of the rename.
    try FileManager.default.createDirectory(
      atPath: path + "/full", withIntermediateDirectories: true)
    try write(writer, step: 0)
    #expect(throws: RunError.self) { try writer.receive(.runEnded(RunManifest(id: "a"))) }
    #expect(try folder.names == ["golden.h5"])
  }

  @Test func whatKilledProcessesLeftBesideAGoldenIsRemovedAfterADay() throws {
    let root = try TemporaryDirectory()
    let names = [".good.h5.1.tmp", ".good.h5.2.tmp", ".other.h5.3.tmp", "good.h5.4.tmp"]
    for name in names { try root.file(name, "") }
    for name in names where !name.contains(".2.") {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -90_000)],
        ofItemAtPath: root.path + "/" + name)
    }
    let writer = try HDF5RunWriter(
      path: root.path + "/good.h5", mode: .golden, manifest: RunManifest(id: "run"))
    try writer.receive(.runEnded(RunManifest(id: "run")))
    let left = try FileManager.default.contentsOfDirectory(atPath: root.path).sorted()
    #expect(left == [".good.h5.2.tmp", ".other.h5.3.tmp", "good.h5", "good.h5.4.tmp"])
  }

  @Test func aPlaceThatCannotBeWrittenIsNamed() throws {
    let path = folder.path("file/run.h5")
    try Data().write(to: URL(filePath: folder.path("file")))
    for mode in [HDF5RunWriter.Mode.recording, .golden] {
      do {
        _ = try HDF5RunWriter(path: path, mode: mode, manifest: RunManifest(id: "a"))
        Issue.record("a file served as a folder")
      } catch RunError.writeFailed(let place, let reason) {
        #expect(place == folder.path("file") && reason == "Not a directory")
      }
    }
  }

  @Test func slotsMustDiffer() throws {
    let writer = try HDF5RunWriter(
      path: folder.path("run.h5"), mode: .recording, manifest: RunManifest(id: "a"))
    try writer.receive(.stepBegan(0))
    let value = CapturedValue.dictionary([
      ("a", .dictionary([("b", .tensor(try Tensor(counting: .int8, shape: [1])))])),
      ("a_b", .tensor(try Tensor(counting: .int8, shape: [2]))),
    ])
    let key = TensorKey(
      CallKey(step: 0, module: "m", index: 0), device: .cpu, slot: Slot("outputs_a_b"))
    #expect(throws: RunError.duplicateSlot(key)) {
      try writer.receive(.captured(CallPart(0, "m", .outputs, value)))
    }
  }

  @Test func misuseIsAnError() throws {
    let writer = try HDF5RunWriter(
      path: folder.path("run.h5"), mode: .recording, manifest: RunManifest(id: "a"))
    try writer.receive(.stepBegan(0))
    try writer.receive(.captured(CallPart(0, "m", .outputs, .none)))
    #expect(throws: RunError.self) {
      try writer.receive(.stepEnded(0, calls: [], completionOrder: []))
    }
  }
}
