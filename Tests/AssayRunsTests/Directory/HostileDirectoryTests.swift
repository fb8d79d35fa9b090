import AssayBase
import AssayRuns
import AssayTensors
import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// `run.json` of one step with the given calls and completion order.
private func index(
  _ calls: String, order: String = "[0]", step: String = "0", schema: String = "assay.run/1"
) -> String {
  #"{"schema":"\#(schema)","id":"x","complete":true,"steps":[{"step":\#(step),"#
    + #""completion_order":\#(order),"calls":[\#(calls)]}]}"#
}

private func call(
  _ module: String = "a", directory: String = "a", file: String = "outputs_cpu.pt",
  call: Int = 0, skipped: String = ""
) -> String {
  #"{"module":"\#(module)","call":\#(call),"directory":"\#(directory)","#
    + #""tensors":[{"slot":"outputs","device":"cpu","file":"\#(file)"\#(skipped)}]}"#
}

@Suite struct HostileDirectoryTests {
  @Test(arguments: [
    "", "{", "[]", "null", #"{"schema":1}"#, #"{"schema":"assay.run/1"}"#,
    index(call(), schema: "assay.run/9"), index(call(), order: "[]"),
    index(call(), order: "[1]"), index(call(), order: "[0,0]"), index(call(), order: "[-1]"),
    index(call(), order: "[9223372036854775808]"), index(call(), step: "-1"),
    index(call(), step: "0.5"), index(call(directory: "..")), index(call(directory: ".")),
    index(call(directory: "")), index(call(directory: "/etc")), index(call(directory: "a/../b")),
    index(call(directory: "a\\u0000b")), index(call(file: "../../x.pt")), index(call(file: "..")),
    index(call(file: "")), index(call(call: -1)), index(call() + "," + call(), order: "[0,1]"),
    index(call() + "," + call("b"), order: "[0,1]"),
    index(call(file: "none.json", skipped: #","skipped":true"#)),
    #"{"schema":"assay.run/1","steps":{}}"#,
  ])
  func badIndexIsAnError(_ text: String) throws {
    let root = try TemporaryDirectory()
    try root.file("run.json", text)
    try root.directory("step_0/a")
    try root.directory("step_0/b")
    #expect(throws: RunError.self) { try DirectoryRunReader(path: root.path) }
  }

  /// No argument: logs print those whole.
  @Test func deepIndexIsAnError() throws {
    try badIndexIsAnError(String(repeating: "[", count: 100_000))
  }

  @Test func fileThatIsListedAndGoneIsUnreadable() throws {
    let root = try TemporaryDirectory()
    try root.file("run.json", index(call()))
    let reader = try DirectoryRunReader(path: root.path)
    let key = try #require(reader.steps.first?.calls.first?.tensors.first?.key)
    #expect(throws: RunError.self) { try reader.tensor(key) }
  }

  @Test func stepsAndFilesThatAreNotListedAreNoPartOfTheRun() throws {
    let root = try TemporaryDirectory()
    try root.file("run.json", index(call()))
    try root.file("step_0/a/outputs_1_cpu.pt", "cut")
    try root.file("step_1/a/outputs_cpu.pt", "cut")
    let reader = try DirectoryRunReader(path: root.path)
    #expect(reader.steps.map(\.index) == [0])
    #expect(reader.steps[0].calls[0].tensors.map(\.key.slot) == [Slot("outputs")])
  }

  @Test(arguments: ["inputs.json", "outputs.json", "post_fwd_inputs.json", "outputs_0.json"])
  func badDescriptionIsAnError(_ name: String) throws {
    for text in ["", "{", #"{"skipped":"x"}"#, String(repeating: "[", count: 100_000)] {
      let root = try TemporaryDirectory()
      try root.file("step_0/a/" + name, text)
      #expect(throws: RunError.self, "\(text.prefix(20))") {
        try DirectoryRunReader(path: root.path)
      }
    }
  }

  @Test(arguments: ["../../etc", "/etc/passwd", "..", "a/b"])
  func moduleListMustStayWithinTheStep(_ line: String) throws {
    let root = try TemporaryDirectory()
    try root.file("step_0/module_calls.txt", "a\n\(line)\n")
    try root.file("step_0/a/outputs_cpu.pt")
    #expect(throws: RunError.self) { try DirectoryRunReader(path: root.path) }
  }

  @Test func oddThingsInAPlainDumpArePassedOver() throws {
    let root = try TemporaryDirectory()
    for name in [
      ".DS_Store", "notes.txt", "step_0/.DS_Store", "step_0/readme", "step_0/a/.DS_Store",
      "step_0/a/note.txt", "step_0/a/extra.json", "step_x/a/outputs_cpu.pt", "step_/a", "steps/a",
    ] {
      try root.file(name, name.hasSuffix(".json") ? "{}" : "")
    }
    try root.file("step_0/a/outputs_cpu.pt", "damaged")
    try root.directory("step_0/empty")
    let reader = try DirectoryRunReader(path: root.path)
    #expect(reader.steps.map(\.index) == [0])
    #expect(reader.steps[0].calls.map(\.call.module) == ["a"])
    let key = try #require(reader.steps[0].calls[0].tensors.first?.key)
    #expect(reader.steps[0].calls[0].tensors.count == 1)
    #expect(throws: RunError.self) { try reader.tensor(key) }
  }

  @Test func directoriesAndPipesInThePlaceOfFiles() throws {
    let root = try TemporaryDirectory()
    try root.directory("step_0/a/outputs_cpu.pt")
    try root.directory("step_0/b")
    let pipe = root.path + "/step_0/b/outputs_cpu.pt"
    #expect(mkfifo(pipe, 0o600) == 0)
    let reader = try DirectoryRunReader(path: root.path)
    for call in reader.steps[0].calls {
      let key = try #require(call.tensors.first?.key)
      #expect(throws: RunError.self) { try reader.tensor(key) }
    }
    for name in ["step_0/b/inputs.json", "step_0/module_calls.txt", "run.json"] {
      let root = try TemporaryDirectory()
      try root.file("step_0/b/outputs_cpu.pt")
      #expect(mkfifo(root.path + "/" + name, 0o600) == 0)
      #expect(throws: RunError.self) { try DirectoryRunReader(path: root.path) }
      try FileManager.default.removeItem(atPath: root.path + "/" + name)
      try root.directory(name)
      #expect(throws: RunError.self) { try DirectoryRunReader(path: root.path) }
    }
  }

  @Test func symbolicLinkLoopsDoNotHang() throws {
    let root = try TemporaryDirectory()
    let manager = FileManager.default
    try root.file("step_0/a/outputs_cpu.pt")
    try manager.createSymbolicLink(
      atPath: root.path + "/step_0/up", withDestinationPath: root.path)
    try manager.createSymbolicLink(
      atPath: root.path + "/step_0/self", withDestinationPath: root.path + "/step_0/self")
    try manager.createSymbolicLink(
      atPath: root.path + "/step_0/a/inputs_0_cpu.pt", withDestinationPath: "inputs_0_cpu.pt")
    let reader = try DirectoryRunReader(path: root.path)
    for tensor in reader.steps[0].calls.flatMap(\.tensors) {
      #expect(throws: RunError.self) { try reader.tensor(tensor.key) }
    }
    #expect(reader.steps[0].calls.flatMap(\.tensors).count == 2)
  }

  @Test func sameTensorOrStepTwiceIsAnError() throws {
    let root = try TemporaryDirectory()
    try root.file("step_0/a/outputs_cpu.pt")
    try root.file("step_0/a/outputs.pt")
    #expect(throws: RunError.self) { try DirectoryRunReader(path: root.path) }
    let steps = try TemporaryDirectory()
    try steps.directory("step_1/a")
    try steps.directory("step_01/a")
    #expect(throws: RunError.self) { try DirectoryRunReader(path: steps.path) }
  }

  @Test func numbersBeyondIntAreNames() throws {
    let root = try TemporaryDirectory()
    try root.file("step_99999999999999999999/a/outputs_cpu.pt")
    #expect(throws: RunError.self) { try DirectoryRunReader(path: root.path) }
    try root.file("step_0/a/outputs_cpu.pt")
    try root.file("step_0/a_99999999999999999999/outputs_cpu.pt")
    let reader = try DirectoryRunReader(path: root.path)
    #expect(
      reader.steps[0].calls.map(\.call) == [
        CallKey(step: 0, module: "a"),
        CallKey(step: 0, module: "a_99999999999999999999"),
      ])
  }
}

@Suite struct PlainNameTests {
  @Test(arguments: [
    ("inputs_0_cuda_0", "inputs_0", "cuda:0"), ("outputs_cpu", "outputs", "cpu"),
    ("outputs_0_cpu", "outputs_0", "cpu"), ("outputs_cpu_cpu", "outputs_cpu", "cpu"),
    ("inputs_cuda_1_mps", "inputs_cuda_1", "mps"), ("outputs_xpu_12", "outputs", "xpu:12"),
    ("inputs_0", "inputs_0", "cpu"), ("outputs", "outputs", "cpu"),
    ("outputs_past_key_values_1_npu_3", "outputs_past_key_values_1", "npu:3"),
  ])
  func slotAndDeviceComeFromTheFileName(
    _ stem: String, _ slot: String, _ device: String
  ) throws {
    let root = try TemporaryDirectory()
    try root.file("step_0/a/\(stem).pt")
    let key = try DirectoryRunReader(path: root.path).steps[0].calls[0].tensors[0].key
    #expect(key.slot.rawValue == slot && key.device.name == device)
  }

  @Test(arguments: [
    (["a", "a_1", "a_2"], ["a", "a:1", "a:2"]), (["a_1", "a_2"], ["a_1", "a_2"]),
    (["a", "a_1", "a_1_1"], ["a", "a:1", "a_1_1"]), (["a_1", "a_1_1"], ["a_1", "a_1:1"]),
    (["a", "a_0", "a_01", "a_"], ["a", "a_0", "a_01", "a_"]), (["_1", "b_x"], ["_1", "b_x"]),
  ])
  func callDirectoriesAreToldFromModules(_ names: [String], _ expected: [String]) throws {
    let root = try TemporaryDirectory()
    for name in names { try root.file("step_0/\(name)/outputs_cpu.pt") }
    try root.file("step_0/module_calls.txt", names.joined(separator: "\n"))
    let calls = try DirectoryRunReader(path: root.path).steps[0].calls.map(\.call)
    #expect(calls.map { $0.module + ($0.index == 0 ? "" : ":\($0.index)") } == expected)
  }

  @Test func callIsKnownFromTheListAlone() throws {
    let root = try TemporaryDirectory()
    try root.file("step_0/a_1/outputs_cpu.pt")
    try root.file("step_0/module_calls.txt", "a\na_1\n")
    let calls = try DirectoryRunReader(path: root.path).steps[0].calls.map(\.call)
    #expect(calls == [CallKey(step: 0, module: "a"), CallKey(step: 0, module: "a", index: 1)])
  }
}
