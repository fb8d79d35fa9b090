import AssayBase
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// Tensors that a module had and that a run says it could not record.
@Suite struct NotRecordedTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private let value = CapturedValue.dictionary([
    ("hidden", .tensor(.init(scalar: 1))),
    (
      "state",
      .notRecorded(
        type: "generator", representation: "<generator>", device: Device("cuda:0"),
        reason: "a generator, which recording would use up")
    ),
  ])

  private var part: CallPart {
    let root = Slot("outputs")
    return CallPart(
      call: CallKey(step: 0, module: "m", index: 0), side: .outputs,
      description: value.description,
      tensors: value.tensors(in: root).map { .stored($0.slot, $0.tensor) }
        + value.unrecorded(in: root))
  }

  private func write(_ writer: any RunSink) throws {
    try writer.receive(.stepBegan(0))
    try writer.receive(.captured(part))
    try writer.receive(.stepEnded(0, calls: [part.call], completionOrder: [0]))
    try writer.receive(.runEnded(RunManifest(id: "a")))
  }

  private func expectMark(_ reader: any RunReader) throws {
    let tensors = try #require(reader.steps.first?.calls.first).tensors
    #expect(tensors.map(\.key.slot.rawValue) == ["outputs_hidden", "outputs_state"])
    #expect(tensors.map(\.isStored) == [true, false])
    #expect(tensors.map(\.isComparable) == [true, false])
    #expect(tensors[1].notRecorded == "a generator, which recording would use up")
    #expect(tensors[1].key.device == Device("cuda:0"))
    #expect(throws: RunError.self) { try reader.tensor(tensors[1].key) }
  }

  @Test func bothLayoutsKeepTheMarkAndConvertIt() throws {
    let (directory, file) = (folder.path + "/run", folder.path + "/run.h5")
    let manifest = RunManifest(id: "a")
    try write(DirectoryRunWriter(path: directory, manifest: manifest))
    try write(HDF5RunWriter(path: file, mode: .recording, manifest: manifest))
    try expectMark(DirectoryRunReader(path: directory))
    try expectMark(HDF5RunReader(path: file))

    let (backDirectory, backFile) = (folder.path + "/back", folder.path + "/back.h5")
    try copyRun(
      from: HDF5RunReader(path: file),
      to: DirectoryRunWriter(path: backDirectory, manifest: manifest))
    try copyRun(
      from: DirectoryRunReader(path: directory),
      to: HDF5RunWriter(path: backFile, mode: .golden, manifest: manifest), keep: .digest)
    try expectMark(DirectoryRunReader(path: backDirectory))
    try expectMark(HDF5RunReader(path: backFile))
  }

  @Test func aFileOrAReasonMustBeListed() throws {
    let directory = folder.path + "/run"
    try write(DirectoryRunWriter(path: directory, manifest: RunManifest(id: "a")))
    let index = URL(filePath: directory + "/run.json")
    let text = String(decoding: try Data(contentsOf: index), as: UTF8.self)
    let mark = #""not_recorded":"a generator, which recording would use up","#
    #expect(text.contains(mark))
    try Data(text.replacing(mark, with: "").utf8).write(to: index)
    #expect(throws: RunError.self) { try DirectoryRunReader(path: directory) }
  }

  @Test(arguments: [
    ("Output", "Output(logits=tensor([1., 2.]))", true),
    ("Output", "Output(names=['a', 'b'], ids=[1, 2, 3, …", true),
    ("Output", "Output(names=['a', 'b'], ids=(1, 2", true),
    ("Output", "Output(names=['a', 'b'])", false),
    ("DynamicCache", "DynamicCache(layers=[DynamicLayer, …", false),
    ("dtype", "torch.float32", false),
  ])
  func textsThatShowTensorsAreMarks(_ type: String, _ text: String, _ isMarked: Bool) throws {
    let json = #"{"type": "tuple", "items": [1, {"type": "\#(type)", "string_repr": "\#(text)"}]}"#
    try folder.file("dump/step_0/head/outputs.json", json)
    let call = try #require(DirectoryRunReader(path: folder.path + "/dump").steps[0].calls.first)
    #expect(call.tensors.map(\.key.slot.rawValue) == (isMarked ? ["outputs_1"] : []))
    #expect(call.tensors.allSatisfy { $0.notRecorded?.contains(type) == true })
  }

  @Test func anObjectThatWasSearchedIsNoMark() throws {
    let json = #"{"type": "Config", "string_repr": "Config(a=(1, …", "no_tensors": true}"#
    try folder.file("dump/step_0/head/outputs.json", json)
    let call = try #require(DirectoryRunReader(path: folder.path + "/dump").steps[0].calls.first)
    #expect(call.tensors.isEmpty)
  }

  @Test func anInputThatIsNotRecordedLowersWhatIsKnown() throws {
    let json =
      #"{"type": "tuple", "items": [], "kwargs": {"x": {"type": "O", "string_repr": "O(tensor(1))"}}}"#
    try folder.file("dump/step_0/head/inputs.json", json)
    let call = try #require(DirectoryRunReader(path: folder.path + "/dump").steps[0].calls.first)
    #expect(call.tensors.map(\.key.slot.rawValue) == ["inputs_x"])
    #expect(call.inputCoverage == .partial)
  }
}

extension Tensor {
  fileprivate init(scalar value: Float) {
    let storage = [value].withUnsafeBytes { Storage(copying: $0) }
    // A shape of no axes has one element, for which the storage is large enough.
    guard let tensor = try? Tensor(storage: storage, dtype: .float32, shape: .scalar) else {
      preconditionFailure("a scalar fits its storage")
    }
    self = tensor
  }
}
