import AssayBase
import AssayRuns
import AssayTensors
import Foundation
import Testing

@Suite struct FixtureRunReaderTests {
  @Test(arguments: [("arrays.npz", "arrays.json"), ("packed.npz", "arrays.json")])
  func everyArrayIsWhatNumPySays(_ file: String, _ facts: String) throws {
    let run = try openRun(at: FixtureFile.path(file))
    var expected = try FixtureFile.expected(facts)
    if file == "arrays.npz" { expected["compressible"] = nil }
    #expect(run.keys.count == expected.count && run.steps.map(\.index) == [0])
    for key in run.keys {
      let found = FixtureFile.Facts(try run.tensor(key))
      #expect(found == expected[key.module], "\(key)")
    }
    #expect(run.manifest.isFixture && run.manifest.id == file && run.manifest.provenance == nil)
  }

  @Test(arguments: ["mlx.npz", "mlx.safetensors"]) func mlxWritesWhatIsRead(_ file: String) throws {
    let run = try openRun(at: FixtureFile.path(file))
    let expected = try FixtureFile.expected("mlx.json")
    #expect(run.keys.count == expected.count)
    for key in run.keys {
      #expect(FixtureFile.Facts(try run.tensor(key)) == expected[key.module], "\(key)")
    }
  }

  @Test func everyVersionOfTheHeaderIsRead() throws {
    let run = try openRun(at: FixtureFile.path("versions.npz"))
    #expect(
      run.keys.map(\.module) == ["one", "two", "three", "python2", "quotes", "bfloat16"])
    for key in run.keys.dropLast() {
      let tensor = try run.tensor(key)
      #expect(tensor.float32Values() == [0, 1, 2, 3, 4, 5] && tensor.shape.dimensions == [2, 3])
    }
    let halves = try run.tensor(run.keys[5])
    // The upper half of a float32 is a bfloat16, and the lower half of these is 0.
    #expect(halves.dtype == .bfloat16)
    #expect(halves.float32Values() == [0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5])
  }

  @Test func aLoneArrayIsCalledAsItsFile() throws {
    let run = try openRun(at: FixtureFile.path("alone.npy"))
    #expect(run.keys.map(\.module) == ["alone"])
    #expect(
      FixtureFile.Facts(try run.tensor(run.keys[0]))
        == (try FixtureFile.expected("arrays.json"))["both.float32"])
  }

  @Test(arguments: [
    ("objects", "Python objects"), ("texts", "texts"), ("bytes", "texts"),
    ("fields", "several fields"), ("times", "times"), ("raw", "|V2"), ("long", "long doubles"),
  ])
  func whatIsNoTensorIsUnreadableAndTheRestIsRead(_ name: String, _ reason: String) throws {
    let run = try openRun(at: FixtureFile.path("refused.npz"))
    let good = try #require(run.keys.first { $0.module == "good" })
    #expect(try run.tensor(good).elementCount == 6)
    let key = try #require(run.keys.first { $0.module == name })
    let error = #expect(throws: RunError.self) { try run.tensor(key) }
    #expect(error.map { "\($0)".contains(reason) } == true, "\(error.map { "\($0)" } ?? "")")
    guard case .unreadableTensor(key, FixtureFile.path("refused.npz"), _) = error else {
      Issue.record("another error")
      return
    }
  }

  @Test(arguments: ["keys.npz", "keys.safetensors"])
  func keysSayStepModuleCallSlotAndDevice(_ file: String) throws {
    let run = try openRun(at: FixtureFile.path(file))
    func key(
      _ module: String, _ slot: String, step: Int = 0, call: Int = 0, _ device: Device = .cpu
    ) -> TensorKey {
      TensorKey(
        CallKey(step: step, module: module, index: call), device: device, slot: Slot(slot))
    }
    let expected: [TensorKey: Float] = [
      key("model.layers.0", "outputs"): 1, key("model.layers.0.mlp", "inputs_0"): 2,
      key("model/norm", "outputs"): 3, key("root", "outputs_1"): 4,
      key("inputs_embeds", "outputs"): 5, key("lm_head", "inputs_hidden_states"): 6,
      key("model.layers.0", "outputs", step: 2): 7,
      key("model.a/b", "post_fwd_inputs_0", call: 3, Device("cuda:1")): 8,
      key("step_03/x", "outputs"): 9, key(".outputs", "outputs"): 10,
    ]
    let found = try run.keys.map { ($0, try run.tensor($0).float64Values().map { Float($0) }) }
    #expect(Dictionary(uniqueKeysWithValues: found) == expected.mapValues { [$0] })
    #expect(run.steps.map(\.index) == [0, 2])
  }

  @Test func nothingIsClaimedOfOrderAndInputs() throws {
    let run = try openRun(at: FixtureFile.path("keys.npz"))
    // As numpy was given them.
    #expect(
      run.steps[0].calls.map(\.call.module) == [
        "model.layers.0", "model.layers.0.mlp", "model/norm", "root", "inputs_embeds", "lm_head",
        "model.a/b", "step_03/x", ".outputs",
      ])
    let sorted = try openRun(at: FixtureFile.path("keys.safetensors"))
    #expect(
      sorted.steps[0].calls.map(\.call.module) == [
        ".outputs", "inputs_embeds", "lm_head", "model.layers.0", "model.layers.0.mlp",
        "model/norm", "root", "model.a/b", "step_03/x",
      ])
    for step in run.steps + sorted.steps {
      #expect(!step.isOrderRecorded)
      #expect(step.calls.allSatisfy { $0.inputCoverage == .partial })
    }
  }

  @Test func keysThatMeanOneTensorAreAnErrorThatNamesBoth() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/twice.safetensors"
    let header = #"""
      {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
      "step_0/a.outputs":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}
      """#
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    try (length + Data(header.utf8) + Data(count: 2)).write(to: URL(filePath: path))
    let error = #expect(throws: RunError.self) { try openRun(at: path) }
    let text = error.map { "\($0)" } ?? ""
    #expect(text.contains(#""a""#) && text.contains(#""step_0/a.outputs""#), "\(text)")
  }

  @Test func aDTypeThatIsUnknownIsOneUnreadableTensor() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/six.safetensors"
    let header = #"""
      {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
      "b":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[1,4]}}
      """#
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    try (length + Data(header.utf8) + Data(count: 4)).write(to: URL(filePath: path))
    let run = try openRun(at: path)
    #expect(run.keys.map(\.module) == ["a", "b"])
    #expect(try run.tensor(run.keys[0]).elementCount == 1)
    let error = #expect(throws: RunError.self) { try run.tensor(run.keys[1]) }
    #expect(error.map { "\($0)".contains("F6_E2M3") } == true)
  }

  @Test func aCopyIsARecordingThatHoldsTheSame() throws {
    let folder = try TemporaryDirectory()
    let fixture = try openRun(at: FixtureFile.path("keys.npz"))
    let path = folder.path + "/copy.h5"
    let manifest = RunManifest(id: "copy")
    try copyRun(
      from: fixture, to: HDF5RunWriter(path: path, mode: .golden, manifest: manifest))
    let copy = try openRun(at: path)
    #expect(copy.keys == fixture.keys && !copy.manifest.isFixture)
    #expect(copy.steps.allSatisfy { !$0.isOrderRecorded })
    for call in copy.steps[0].calls {
      let hasInputs = call.tensors.contains { $0.key.slot.side == .inputs }
      #expect(!hasInputs || call.inputCoverage == .partial)
    }
    for key in fixture.keys {
      #expect(try copy.tensor(key).contentHash == fixture.tensor(key).contentHash)
    }
  }

  @Test(arguments: ["x.npz", "x.npy", "x.safetensors"])
  func whatIsNoFixtureIsRefused(_ name: String) throws {
    let folder = try TemporaryDirectory()
    #expect(throws: RunError.notFound(path: folder.path + "/" + name)) {
      try openRun(at: folder.path + "/" + name)
    }
    try folder.file(name, "version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    let error = #expect(throws: RunError.self) { try read(folder.path + "/" + name) }
    #expect(error.map { "\($0)".contains("git-lfs") } == true)
  }
}

/// Reads all of a run; throws what the first tensor throws.
@discardableResult
func read(_ path: String) throws -> Int {
  let run = try openRun(at: path)
  return try run.keys.reduce(0) { $0 + (try run.tensor($1)).contentHash.count }
}
