import AssayBase
import AssayRuns
import AssayTensors
import Foundation
import Testing

@Suite struct SGLangDumpReaderTests {
  @Test func namesAreModulesCallsAndSlots() throws {
    let run = try openRun(at: SGLangDump.dump)
    let pass = try SGLangDump.expected()[0]
    #expect(run is SGLangDumpReader && run.manifest.id == "dump_20260102_030405_678901")
    #expect(run.manifest.provenance?.rank == 0 && run.manifest.provenance?.worldSize == 1)
    try expectSame(run.values(0, "root", "inputs_0"), pass["input_ids"])
    try expectSame(run.values(0, "root", "inputs_1"), pass["positions"])
    try expectSame(run.values(0, "root", "outputs_next_token_logits"), pass["logits"])
    try expectSame(run.values(0, "model.embed_tokens", "inputs_0"), pass["input_ids"])
    try expectSame(run.values(0, "model.embed_tokens", "outputs"), pass["embed"])
    try expectSame(run.values(0, "model.layers.0.norm", "outputs_0"), pass["normed"])
    try expectSame(run.values(0, "model.layers.0.norm", "outputs_1"), pass["residual"])
    // The second call's input is the first one's output.
    try expectSame(run.values(0, "model.layers.0.proj", "outputs"), pass["first_proj"])
    try expectSame(run.values(0, "model.layers.0.proj", "inputs_0", call: 1), pass["first_proj"])
    try expectSame(run.values(0, "model.layers.0.proj", "outputs", call: 1), pass["second_proj"])
    try expectSame(run.values(0, "model", "outputs"), pass["model"])
    try expectSame(
      run.values(0, "logits_processor", "outputs_next_token_logits"), pass["logits"])
    try expectSame(run.values(0, "seq_lens", "outputs"), pass["seq_lens"])
  }

  @Test func theOrderIsThatOfTheDump() throws {
    let step = try #require(openRun(at: SGLangDump.dump).steps.first)
    #expect(
      step.calls.map { "\($0.call.module) \($0.call.index)" } == [
        "root 0", "input_ids 0", "seq_lens 0", "positions 0", "req_pool_indices 0", "rids 0",
        "model 0", "model.embed_tokens 0", "model.layers.0 0", "model.layers.0.norm 0",
        "model.layers.0.proj 0", "model.layers.0.proj 1", "logits_processor 0",
      ])
    let coverage = Set(step.calls.map(\.inputCoverage))
    #expect(step.isOrderRecorded && coverage == [.partial])
  }

  @Test func nothingThatWasDumpedIsLost() throws {
    let run = try openRun(at: SGLangDump.dump)
    let files = try FileManager.default.contentsOfDirectory(atPath: SGLangDump.dump)
    // The dictionary `scales` has three tensors, `kind` and `rids` have none.
    let count = run.steps.flatMap(\.calls).reduce(0) { $0 + $1.tensors.count }
    #expect(count == files.count + 2 - 3)
    let last = try #require(run.steps.last)
    #expect(
      last.calls.map(\.call.module) == ["param__norm.weight", "param__norm.bias", "scales", "kind"])
    #expect(try run.values(2, "param__norm.weight", "outputs").values == [1, 1, 1, 1])
    #expect(try run.values(2, "scales", "outputs_low").values == [0])
    #expect(try run.values(2, "scales", "outputs_pair_1").values == [1, 1])
    #expect(last.calls[3].descriptions == [.outputs: .string("thd")])
  }

  @Test func rowsAreOfTheNamedRequests() throws {
    let run = try openRun(at: SGLangDump.dump)
    let ids = [0: "a", 1: "b"]
    #expect(
      run.steps.map(\.rows) == [
        rows(([5], [[0, 0, 3], [1, 0, 2]]), ([2], [[0, 2, 1], [1, 1, 1]]), ids: ids),
        rows(([2], [[0, 3, 1], [1, 2, 1]]), ids: ids), nil,
      ])
  }

  @Test func theParentOfOneDumpIsTheRun() throws {
    let root = try TemporaryDirectory()
    try FileManager.default.copyItem(atPath: SGLangDump.dump, toPath: root.path + "/dump_1")
    #expect(try openRun(at: root.path).path == root.path + "/dump_1")
    try FileManager.default.copyItem(atPath: SGLangDump.dump, toPath: root.path + "/dump_2")
    let expected = RunError.severalRuns(
      path: root.path, runs: [root.path + "/dump_1", root.path + "/dump_2"])
    #expect(throws: expected) { try openRun(at: root.path) }
  }

  /// What is said of a directory with one file of the dump under some name, or several.
  private func reason(_ names: [(index: Int, name: String)]) throws -> String {
    let root = try TemporaryDirectory()
    for (index, name) in names {
      try FileManager.default.copyItem(
        atPath: SGLangDump.dump + "/" + SGLangDump.file(index), toPath: root.path + "/" + name)
    }
    do {
      _ = try openRun(at: root.path)
      return ""
    } catch { return "\(error)" }
  }

  @Test func filesThatContradictTheirNamesAreNamed() throws {
    let first = "step=0___rank=0___dump_index=1___name=x.pt"
    #expect(try reason([(1, first)]) == "")
    for name in [
      "step=1___rank=0___dump_index=1___name=x.pt", "step=0___rank=1___dump_index=1___name=x.pt",
      "step=0___rank=0___dump_index=2___name=x.pt",
    ] {
      let reason = try reason([(1, name)])
      #expect(reason.contains(name + " is damaged: its \"meta\" has another step, rank"))
    }
    let twice = try reason([(1, first), (1, "step=0___rank=0___dump_index=1___name=y.pt")])
    #expect(twice.contains("has the same dump_index: two recordings share the directory"))
    // Names that are not quite those of a dump are none.
    for name in [
      "step=x___rank=0___dump_index=1___name=x.pt", "step=0___rank=0___dump_index=___name=x.pt",
      "step=-1___rank=0___dump_index=1___name=x.pt", "step=0___rank=0___name=x.pt",
    ] {
      #expect(try reason([(1, name)]).contains("is not a recorded run"))
    }
  }

  @Test func filesThatAreNoDumpAreNamed() throws {
    let root = try TemporaryDirectory()
    let name = "step=0___rank=0___dump_index=1___name=x.pt"
    try FileManager.default.copyItem(
      atPath: SGLangDump.passes + "/Pass00000.pt", toPath: root.path + "/" + name)
    #expect(
      throws: RunError.damaged(
        path: root.path + "/" + name,
        reason: "a dump of SGLang is a dictionary of \"value\" and \"meta\", which has a \"name\"; "
          + "remove the file")
    ) { try openRun(at: root.path) }
    try root.file(name, "text")
    #expect(throws: RunError.self) { try openRun(at: root.path) }
  }
}
