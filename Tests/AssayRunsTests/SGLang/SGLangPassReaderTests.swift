import AssayRuns
import AssayTensors
import AssayTorch
import Foundation
import Testing

@Suite struct SGLangPassReaderTests {
  @Test func everyTensorIsInThePassThatComputedIt() throws {
    let run = try openRun(at: SGLangDump.passes)
    #expect(run is SGLangPassReader && run.manifest.id == "passes-rank0")
    #expect(run.manifest.provenance?.rank == 0 && run.manifest.provenance?.tool == "sglang")
    let expected = try SGLangDump.expected()
    #expect(run.steps.map(\.index) == [0, 1, 2, 3] && expected.count == 4)
    for (step, pass) in expected.enumerated() {
      try expectSame(run.values(step, "model.embed_tokens", "outputs"), pass["embed"])
      try expectSame(run.values(step, "model.layers.0.norm", "outputs_0"), pass["normed"])
      try expectSame(run.values(step, "model.layers.0.norm", "outputs_1"), pass["residual"])
      // SGLang overwrites the first call by the second.
      try expectSame(run.values(step, "model.layers.0.proj", "outputs"), pass["second_proj"])
      for name in ["input_ids", "positions", "seq_lens"] {
        try expectSame(
          run.values(step, "model", "inputs_forward_batch_info_" + name), pass[name])
      }
      // It writes these with the next pass, and never the last.
      guard step < 3 else { continue }
      try expectSame(run.values(step, "model", "outputs"), pass["model"])
      try expectSame(run.values(step, "logits_processor", "outputs"), pass["logits"])
    }
    #expect(throws: RunError.self) { try run.values(3, "model", "outputs") }
  }

  @Test func theOrderIsTheModels() throws {
    let run = try openRun(at: SGLangDump.passes)
    let names = [
      "model", "model.embed_tokens", "model.layers.0.norm", "model.layers.0.proj",
      "logits_processor",
    ]
    for step in run.steps {
      let expected = step.index < 3 ? names : names.dropLast()
      #expect(step.calls.map(\.call.module) == expected && step.isOrderRecorded)
      let coverage = Set(step.calls.map(\.inputCoverage))
      #expect(coverage == [.partial])
    }
    #expect(run.steps[0].completionOrder == [1, 2, 3, 0, 4])
  }

  @Test func requestsAreFollowedOverThePasses() throws {
    let run = try openRun(at: SGLangDump.passes)
    #expect(
      run.steps.map(\.rows) == [
        rows(([5], [[0, 0, 3], [1, 0, 2]]), ([2], [[0, 2, 1], [1, 1, 1]])),
        rows(([2], [[0, 3, 1], [1, 2, 1]])),
        rows(([2], [[2, 0, 2]]), ([1], [[2, 1, 1]])),
        rows(([2], [[0, 4, 1], [2, 2, 1]])),
      ])
  }

  @Test func theParentOfOneRankIsTheRun() throws {
    #expect(try openRun(at: SGLangDump.directory + "/passes").path == SGLangDump.passes)
  }

  @Test func filesThatAreNoPassAreNamed() throws {
    let root = try TemporaryDirectory()
    let file = root.path + "/Pass00000.pt"
    func reason() -> String {
      do {
        _ = try openRun(at: root.path)
        return ""
      } catch { return "\(error)" }
    }
    try root.file("Pass00000.pt", "text")
    #expect(reason().hasPrefix(file + " is a text, not the file itself"))
    let whole = try Data(contentsOf: URL(filePath: SGLangDump.passes + "/Pass00000.pt"))
    try whole.prefix(whole.count / 2).write(to: URL(filePath: file))
    #expect(reason().hasPrefix(file + " is damaged: "))
    #expect(reason().hasSuffix("if SGLang was stopped while it wrote the file, remove it"))
    try FileManager.default.removeItem(atPath: file)
    try TorchFile.write(Tensor([1, 2] as [Float], dtype: .float32), to: file)
    #expect(reason().hasPrefix(file + " is damaged: a pass of SGLang is a dictionary"))
    try FileManager.default.removeItem(atPath: file)
    try FileManager.default.copyItem(
      atPath: SGLangDump.dump + "/" + SGLangDump.file(1), toPath: file)
    #expect(reason().contains("\"meta\" is neither a tensor nor a list of tensors"))
    try root.file("Pass0.pt")
    #expect(reason().contains("Pass0.pt and Pass00000.pt are the same pass"))
  }

  @Test func aPassWithoutTheOneBeforeStillTellsWhoseOutputItHas() throws {
    let root = try TemporaryDirectory()
    try FileManager.default.copyItem(
      atPath: SGLangDump.passes + "/Pass00002.pt", toPath: root.path + "/Pass00002.pt")
    let run = try openRun(at: root.path)
    let expected = try SGLangDump.expected()
    #expect(run.steps.map(\.index) == [1, 2] && run.steps.allSatisfy { $0.rows == nil })
    #expect(run.steps[0].calls.map(\.call.module) == ["model", "logits_processor"])
    try expectSame(run.values(1, "model", "outputs"), expected[1]["model"])
    try expectSame(run.values(2, "model.embed_tokens", "outputs"), expected[2]["embed"])
  }
}
