import Assay
import AssayTesting
import AssayTestingSupport
import Foundation
import Testing

/// The reference engine with a bug in one layer, against what PyTorch recorded.
@Suite(.assay(record: .never, tolerance: TinyLlama.tolerance)) struct InjectedBugTests {
  @Test(arguments: [false, true]) func theSoundModelPasses(isIsolated: Bool) throws {
    let playground = try Playground()
    try playground.run(TinyLlama.environment) {
      try assertReplay("tiny-llama/float32", isolated: isIsolated) { try TinyLlama().run($0) }
    }
    #expect(playground.reports == [])
  }

  @Test(arguments: TinyLlama.Bug.allCases, [false, true])
  func theTextNamesTheLayer(_ bug: TinyLlama.Bug, stops: Bool) throws {
    let playground = try Playground()
    let texts = try playground.run(TinyLlama.environment) {
      try failures {
        try assertReplay("tiny-llama/float32", stopAtFirstDivergence: stops) {
          try TinyLlama(bug).run($0)
        }
      }
    }
    try #require(texts.count == 1)
    let headline = texts[0].split(separator: "\n")[0]
    #expect(headline.contains(bug.rawValue), "\(headline)")
    #expect(playground.reports == ["tiny-llama/float32.theTextNamesTheLayer.md"])
  }

  @Test(arguments: [RecordMode.failed, .all])
  func aBugNeverReplacesWhatPyTorchRecorded(_ mode: RecordMode) throws {
    let playground = try Playground()
    let path = playground.file("float32")
    try FileManager.default.createDirectory(
      atPath: playground.goldens, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: TinyLlama.goldens + "/tiny-llama/float32.h5", toPath: path)
    let before = FileState(path)
    let texts = try playground.run(["ASSAY_RECORD": mode.rawValue]) {
      try failures {
        try assertReplay("float32", record: mode) { try TinyLlama(.epsilon).run($0) }
      }
    }
    try #require(texts.count == 1)
    #expect(texts[0].contains("assay-record.py 1 with pytorch 2.13.0+cpu at "), "\(texts[0])")
    #expect(texts[0].contains(", model sha256:0fa28a1808d3"))
    #expect(texts[0].contains("assay approve RUN \(path) --message WHY"))
    #expect(!texts[0].contains("ASSAY_RECORD"))
    #expect(FileState(path) == before)
  }

  @Test(arguments: TinyLlama.Bug.allCases)
  func isolatedEveryOtherModulePasses(_ bug: TinyLlama.Bug) throws {
    let playground = try Playground()
    let comparison = try playground.run(TinyLlama.environment) {
      try verifyReplay("tiny-llama/float32", isolated: true) { try TinyLlama(bug).run($0) }
    }
    let failing = comparison.steps.flatMap(\.modules).filter { $0.verdict.isFailure }
    #expect(Set(failing.map(\.call.module)) == [bug.failingByItself])
  }

  @Test func modulesPassByThemselves() async throws {
    let playground = try Playground()
    let model = try TinyLlama()
    let pattern = #"\.input_layernorm$"#
    try playground.run(TinyLlama.environment) {
      try assertModule("tiny-llama/float32", matching: pattern) { try model.inputNorm($0) }
    }
    try await playground.run(TinyLlama.environment) {
      try await assertModule("tiny-llama/float32", matching: pattern) { inputs in
        await Task.yield()
        return try model.inputNorm(inputs)
      }
    }
  }

  @Test func aModuleWithABugIsNamed() async throws {
    let playground = try Playground()
    let model = try TinyLlama(.epsilon)
    let pattern = #"\.input_layernorm$"#
    var texts = try playground.run(TinyLlama.environment) {
      try failures {
        try assertModule("tiny-llama/float32", matching: pattern) { try model.inputNorm($0) }
      }
    }
    texts += try await playground.run(TinyLlama.environment) {
      try await failures {
        try await assertModule("tiny-llama/float32", matching: pattern) { inputs in
          await Task.yield()
          return try model.inputNorm(inputs)
        }
      }
    }
    try #require(texts.count == 2)
    for text in texts {
      #expect(text.contains("model.layers.1.input_layernorm"))
      #expect(!text.contains("ASSAY_RECORD"))
    }
  }

  @Test func whatKeepsAModuleFromRunningFails() throws {
    let playground = try Playground()
    func texts(_ golden: String, _ pattern: String) throws -> [String] {
      try playground.run(TinyLlama.environment) {
        try failures {
          try assertModule(golden, matching: pattern) { try $0["nothing"] }
        }
      }
    }
    let cases = [
      ("tiny-llama/float32", "^encoder", "^encoder"),
      ("tiny-llama/float32", "(", "("),
      ("tiny-llama/float32", #"^model\.norm$"#, "model.norm"),
      ("tiny-llama/none", "norm", "only a replay of the whole model records it"),
    ]
    for (golden, pattern, part) in cases {
      let texts = try texts(golden, pattern)
      #expect(texts.count == 1 && texts[0].contains(part), "\(pattern): \(texts)")
    }
  }
}
