import AssayBase
import AssayRuns
import AssayTensors
import AssayTorch
import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

private func part(
  _ module: String, call: Int = 0, side: Slot.Side = .outputs, _ tensors: [CapturedTensor],
  description: JSONValue? = .null
) -> CallPart {
  CallPart(
    call: CallKey(step: 0, module: module, index: call), side: side, description: description,
    tensors: tensors)
}

@Suite struct DirectoryRunWriterTests {
  let root: TemporaryDirectory
  let manifest = RunManifest(id: "run")
  let x: Tensor

  init() throws {
    root = try TemporaryDirectory()
    x = try Tensor([1, 2, 3] as [Float], dtype: .float32)
  }

  private func text(_ file: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: root.path + "/run/" + file)), as: UTF8.self)
  }

  @Test func writesVLLMsLayout() throws {
    let writer = try DirectoryRunWriter(path: root.path + "/run", manifest: manifest)
    try writer.receive(.stepBegan(0))
    let tuple = CapturedValue.tuple([.tensor(x)])
    try writer.receive(
      .captured(
        part("norm", side: .inputs, [.stored(Slot("inputs_0"), x)], description: tuple.description))
    )
    try writer.receive(.captured(part("norm", [.stored(Slot("outputs"), x.on(Device("cuda:0")))])))
    let note = SkippedTensor(
      dtype: .bfloat16, shape: try Shape([4, 5]), device: .cpu, reason: "too large")
    try writer.receive(.captured(part("norm", call: 1, [.skipped(Slot("outputs_1"), note)])))
    try writer.receive(
      .stepEnded(
        0, calls: [CallKey(step: 0, module: "norm"), CallKey(step: 0, module: "norm", index: 1)],
        completionOrder: [0, 1]))
    try writer.receive(.runEnded(manifest))

    #expect(try text("step_0/module_calls.txt") == "norm\nnorm_1\n")
    #expect(
      try text("step_0/norm/inputs.json")
        == #"{"items":[{"dtype":"torch.float32","numel":3,"shape":[3],"type":"tensor","#
        + #""values":[1,2,3]}],"type":"tuple"}"# + "\n")
    #expect(try text("step_0/norm/outputs.json") == "null\n")
    #expect(
      try text("step_0/norm_1/outputs_1_cpu.json")
        == #"{"device":"cpu","dtype":"torch.bfloat16","numel":20,"shape":[4,5],"#
        + #""skipped":"too large","type":"tensor"}"# + "\n")
    let file = root.path + "/run/step_0/norm/outputs_cuda_0.pt"
    #expect(try TorchFile.loadTensor(path: file).float32Values() == [1, 2, 3])
    #expect(
      try text("run.json")
        == #"{"complete":true,"id":"run","schema":"assay.run/1","steps":[{"calls":["#
        + #"{"call":0,"directory":"norm","module":"norm","tensors":["#
        + #"{"device":"cpu","file":"inputs_0_cpu.pt","slot":"inputs_0"},"#
        + #"{"device":"cuda:0","file":"outputs_cuda_0.pt","slot":"outputs"}]},"#
        + #"{"call":1,"directory":"norm_1","module":"norm","tensors":["#
        + #"{"device":"cpu","file":"outputs_1_cpu.json","skipped":true,"slot":"outputs_1"}]}],"#
        + #""completion_order":[0,1],"step":0}]}"# + "\n")
  }

  @Test func namesThatClashOrCannotStandOnDiskComeBack() throws {
    let calls = [
      CallKey(step: 0, module: "a"), CallKey(step: 0, module: "a", index: 1),
      CallKey(step: 0, module: "a_1"), CallKey(step: 0, module: "x/../y"),
      CallKey(step: 0, module: ".."), CallKey(step: 0, module: "50%"),
    ]
    let writer = try DirectoryRunWriter(path: root.path + "/run", manifest: manifest)
    try writer.receive(.stepBegan(0))
    for call in calls {
      try writer.receive(
        .captured(part(call.module, call: call.index, [.stored(Slot("outputs_k/v"), x)])))
    }
    try writer.receive(.stepEnded(0, calls: calls, completionOrder: Array(calls.indices)))
    try writer.receive(.runEnded(manifest))
    let reader = try DirectoryRunReader(path: root.path + "/run")
    #expect(reader.steps[0].calls.map(\.call) == calls)
    for record in reader.steps[0].calls.flatMap(\.tensors) {
      #expect(record.key.slot == Slot("outputs_k/v"))
      #expect(try reader.tensor(record.key).float32Values() == [1, 2, 3])
    }
  }

  @Test func sameSlotTwiceIsAnError() throws {
    let writer = try DirectoryRunWriter(path: root.path + "/run", manifest: manifest)
    try writer.receive(.stepBegan(0))
    #expect(
      throws: RunError.duplicateSlot(
        TensorKey(CallKey(step: 0, module: "a", index: 0), device: .cpu, slot: Slot("outputs_0_1")))
    ) {
      let slot = Slot("outputs_0_1")
      try writer.receive(.captured(part("a", [.stored(slot, x), .stored(slot, x)])))
    }
  }

  @Test func runThatIsNotFinishedKeepsItsEndedSteps() throws {
    let writer = try DirectoryRunWriter(path: root.path + "/run", manifest: manifest)
    try writer.receive(.stepBegan(0))
    try writer.receive(.captured(part("a", [.stored(Slot("outputs"), x)])))
    let call = CallKey(step: 0, module: "a")
    try writer.receive(.stepEnded(0, calls: [call], completionOrder: [0]))
    try writer.receive(.stepBegan(1))
    let reader = try DirectoryRunReader(path: root.path + "/run")
    #expect(reader.steps.map(\.index) == [0] && !reader.manifest.isComplete)
  }

  @Test func discardedStepLeavesNothing() throws {
    let writer = try DirectoryRunWriter(path: root.path + "/run", manifest: manifest)
    try writer.receive(.stepBegan(0))
    try writer.receive(.captured(part("a", [.stored(Slot("outputs"), x)])))
    try writer.receive(.stepDiscarded(0))
    #expect(!FileManager.default.fileExists(atPath: root.path + "/run/step_0"))
    try writer.receive(.stepBegan(0))
    try writer.receive(.stepEnded(0, calls: [], completionOrder: []))
    try writer.receive(.runEnded(manifest))
    #expect(try DirectoryRunReader(path: root.path + "/run").steps.map(\.calls.count) == [0])
  }

  @Test func placeThatIsTakenOrCannotBeMadeIsAnError() throws {
    try root.file("taken/run.json")
    #expect(throws: RunError.alreadyExists(path: root.path + "/taken")) {
      try DirectoryRunWriter(path: root.path + "/taken", manifest: manifest)
    }
    try root.file("file")
    #expect(throws: FileError.self) {
      try DirectoryRunWriter(path: root.path + "/file/run", manifest: manifest)
    }
  }

  @Test func directoryThatVanishesIsAnErrorAndNotAShortRun() throws {
    let writer = try DirectoryRunWriter(path: root.path + "/run", manifest: manifest)
    try writer.receive(.stepBegan(0))
    try FileManager.default.removeItem(atPath: root.path + "/run")
    #expect(throws: RunError.self) {
      try writer.receive(.captured(part("a", [.stored(Slot("outputs"), x)])))
    }
    #expect(throws: RunError.self) { try writer.receive(.runEnded(manifest)) }
  }

  @Test func theRootModuleIsRefused() throws {
    let writer = try DirectoryRunWriter(path: root.path + "/run", manifest: manifest)
    try writer.receive(.stepBegan(0))
    #expect(throws: RunError.self) { try writer.receive(.captured(part("", []))) }
  }

  /// The names of files are those of the Python recorder; what is meant stands in `run.json`.
  @Test func namesThatFileSystemsTakeForOneOrRefuseComeBack() throws {
    let long = String(repeating: "m", count: 300)
    let names = [
      "A", "a", "\u{E9}", "e\u{301}", "con", long, "module_calls.txt", "step.json", "x:y",
    ]
    let calls =
      names.map { CallKey(step: 0, module: $0) } + [CallKey(step: 0, module: "a", index: 1)]
    let slots = ["outputs_A", "outputs_a", "outputs_" + long, "outputs_\u{E9}", "outputs_e\u{301}"]
    let writer = try DirectoryRunWriter(path: root.path + "/run", manifest: manifest)
    try writer.receive(.stepBegan(0))
    for call in calls {
      try writer.receive(
        .captured(
          part(call.module, call: call.index, slots.map { .stored(Slot($0), x) })))
    }
    try writer.receive(.stepEnded(0, calls: calls, completionOrder: Array(calls.indices)))
    try writer.receive(.runEnded(manifest))
    #expect(
      try text("step_0/module_calls.txt").split(separator: "\n").map { Array($0.utf8) }
        == [
          "A", "a%", "\u{E9}", "e\u{301}%", "%63on",
          String(repeating: "m", count: 200) + "%~88c6e4c1d93376019f71bdb9b6927a58",
          "module_calls.txt%", "step.json%", "x%3Ay", "a_1",
        ].map { Array($0.utf8) })
    let reader = try DirectoryRunReader(path: root.path + "/run")
    #expect(reader.steps[0].calls.map(\.call) == calls)
    for record in reader.steps[0].calls {
      #expect(record.tensors.map(\.key.slot.rawValue.utf8.count) == slots.map(\.utf8.count))
      #expect(Set(record.tensors.map(\.key)).count == slots.count)
      for tensor in record.tensors {
        #expect(try reader.tensor(tensor.key).float32Values() == [1, 2, 3])
      }
    }
  }

  /// What a step writes does not grow with the steps before it.
  @Test func aStepWritesOnlyItsOwnFiles() throws {
    let writer = try DirectoryRunWriter(path: root.path + "/run", manifest: manifest)
    var known: [String: Written] = [:]
    var bytes: [Int] = []
    for step in 100..<140 {
      let call = CallKey(step: step, module: "a")
      try writer.receive(.stepBegan(step))
      try writer.receive(
        .captured(
          CallPart(
            call: call, side: .outputs, description: .null,
            tensors: [.stored(Slot("outputs"), x)])))
      try writer.receive(.stepEnded(step, calls: [call], completionOrder: [0]))
      let files = try written()
      bytes.append(
        files.filter { known[$0.key] != $0.value }.reduce(0) { $0 + $1.value.byteCount })
      known = files
    }
    // The first of them also counts the run.json of a run that begins.
    #expect(Set(bytes.dropFirst()).count == 1)
    #expect(try text("run.json").contains(#""steps":[]"#))
    #expect(try DirectoryRunReader(path: root.path + "/run").steps.map(\.index) == Array(100..<140))
    try writer.receive(.runEnded(manifest))
    #expect(try DirectoryRunReader(path: root.path + "/run").steps.map(\.index) == Array(100..<140))
    #expect(try !written().keys.contains { $0.hasSuffix("step.json") })
  }

  private struct Written: Equatable {
    var byteCount: Int
    var time: Int
    var number: UInt64
  }

  /// The files below the run, by what changes when they are written again.
  private func written() throws -> [String: Written] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: root.path + "/run")
    return try names.reduce(into: [:]) { files, name in
      var status = stat()
      try #require(lstat(root.path + "/run/" + name, &status) == 0)
      guard status.st_mode & S_IFMT == S_IFREG else { return }
      #if canImport(Darwin)
      let time = status.st_mtimespec
      #else
      let time = status.st_mtim
      #endif
      files[name] = Written(
        byteCount: Int(status.st_size), time: time.tv_sec * 1_000_000_000 + time.tv_nsec,
        number: UInt64(status.st_ino))
    }
  }

  @Test func anEntryOfAnotherStepIsDamage() throws {
    try root.file("run/run.json", #"{"schema":"assay.run/1","id":"r","complete":false,"steps":[]}"#)
    try root.file("run/step_1/step.json", #"{"step":2,"completion_order":[],"calls":[]}"#)
    #expect(throws: RunError.self) { try DirectoryRunReader(path: root.path + "/run") }
    try root.file("run/step_1/step.json", #"{"step":1,"completion_order":[],"calls":[]}"#)
    try root.directory("run/step_2")
    #expect(try DirectoryRunReader(path: root.path + "/run").steps.map(\.index) == [1])
  }

  @Test func aCompleteRunIsWhatItsIndexLists() throws {
    try root.file("run/run.json", #"{"schema":"assay.run/1","id":"r","complete":true,"steps":[]}"#)
    try root.file("run/step_1/step.json", #"{"step":1,"completion_order":[],"calls":[]}"#)
    #expect(try DirectoryRunReader(path: root.path + "/run").steps.isEmpty)
  }

  /// The number of a file on its disk, and how many names it has.
  private func identity(_ file: String) throws -> (number: UInt64, names: UInt64) {
    var status = stat()
    try #require(stat(root.path + "/run/" + file, &status) == 0)
    return (UInt64(status.st_ino), UInt64(status.st_nlink))
  }

  @Test func filesOfTheSameBytesAreLinks() throws {
    let writer = try DirectoryRunWriter(path: root.path + "/run", manifest: manifest)
    let other = try Tensor([1, 2, 4] as [Float], dtype: .float32)
    let outputs = Slot("outputs")
    func step(_ number: Int, _ tensors: [(String, Slot, Tensor)], isKept: Bool = true) throws {
      try writer.receive(.stepBegan(number))
      for (module, slot, tensor) in tensors {
        try writer.receive(
          .captured(
            CallPart(
              call: CallKey(step: number, module: module), side: .outputs, description: .null,
              tensors: [.stored(slot, tensor)])))
      }
      guard isKept else { return try writer.receive(.stepDiscarded(number)) }
      try writer.receive(
        .stepEnded(
          number, calls: tensors.map { CallKey(step: number, module: $0.0) },
          completionOrder: Array(tensors.indices)))
    }
    try step(0, [("lost", outputs, other)], isKept: false)
    try step(
      0,
      [
        ("a", outputs, x), ("b", outputs, x), ("c", outputs, x.on(Device("cuda:0"))),
        ("d", outputs, try Tensor([1, 2, 3] as [Double], dtype: .float64)),
        ("e", Slot("outputs_0"), x), ("f", outputs, other),
      ])
    try step(1, [("a", outputs, x), ("b", outputs, other)])
    try writer.receive(.runEnded(manifest))
    let first = try identity("step_0/a/outputs_cpu.pt")
    #expect(first.names == 3)
    #expect(try identity("step_0/b/outputs_cpu.pt").number == first.number)
    #expect(try identity("step_1/a/outputs_cpu.pt").number == first.number)
    for file in [
      "step_0/c/outputs_cuda_0.pt", "step_0/d/outputs_cpu.pt", "step_0/e/outputs_0_cpu.pt",
    ] {
      #expect(try identity(file).names == 1, "\(file)")
    }
    #expect(try identity("step_0/f/outputs_cpu.pt").names == 2)
    let reader = try DirectoryRunReader(path: root.path + "/run")
    let key = reader.steps[1].calls[1].tensors[0].key
    #expect(try reader.tensor(key).float64Values() == [1, 2, 4])
  }
}
