import AssayCapture
import AssayComparison
import AssayReplay
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

/// Values of every kind, as inputs and as outputs, in both layouts: each tensor is recorded in a slot
/// of its own, or marked as not recorded, and then no comparison is a match.
@Suite struct OpenedValueTests {
  private struct Output: Capturable {
    var logits: [Float]
    var hidden: [[Float]]?
    var step = 3
    /// A type that conforms to nothing.
    var plain = Plain()
  }

  private struct Plain { var pair: ([Float], count: Int) = ([7], 1) }

  private enum Either: Capturable {
    case one([Float]), two([Float], Int), none
  }

  private final class Node: Capturable {
    var value: [Float] = [1]
    var next: Node?
  }

  private struct Opaque: Capturable {
    var weight: [Float] = [1, 2]
    var capturedValue: CapturedValue { .other(type: "Opaque", representation: "Opaque") }
  }

  private struct Half: Capturable {
    var shown: [Float] = [1]
    var kept: [Float] = [2]
    var capturedValue: CapturedValue { get throws { .tuple([try shown.capturedValue]) } }
  }

  private struct KeyValueCache: Capturable {
    var keys: [Float] = [1]
    var capturedValue: CapturedValue { .other(type: "KeyValueCache", representation: "cache") }
  }

  private struct WithCache: Capturable {
    var hidden: [Float] = [1]
    var cache = KeyValueCache()
    var capturedValue: CapturedValue {
      get throws {
        .dictionary([("hidden", try hidden.capturedValue), ("cache", cache.capturedValue)])
      }
    }
  }

  /// One value and what is behind its slot's name where its tensors are; `!` where a mark is.
  private struct Case: CustomTestStringConvertible, Sendable {
    var name: String
    var slots: Set<String>
    var value: @Sendable () -> any Capturable
    var testDescription: String { name }

    init(
      _ name: String, _ slots: Set<String>,
      _ value: @autoclosure @escaping @Sendable () -> any Capturable
    ) {
      (self.name, self.slots, self.value) = (name, slots, value)
    }
  }

  private static let cases = [
    Case("struct", ["_logits", "_plain_pair_0"], Output(logits: [1])),
    Case("nested", ["_logits", "_hidden", "_plain_pair_0"], Output(logits: [1], hidden: [[2]])),
    Case("payload", ["_one"], Either.one([1])),
    Case("payloads", ["_two_0"], Either.two([1], 2)),
    Case("no payload", [], Either.none),
    Case("array of structs", ["_0_logits", "_0_plain_pair_0"], [Output(logits: [1])]),
    Case(
      "contiguous", ["_0", "_1"], ContiguousArray([Shaped([1 as Float], [1]), Shaped([2], [1])])),
    Case("slice", ["_0"], [Shaped([1 as Float], [1]), Shaped([2], [1])][1...]),
    Case("keys", ["_1", "_20"], [1: [1 as Float], 20: [2]]),
    Case("nested keys", ["_a_1"], ["a": [1: [1 as Float]]]),
    Case("tuple", ["_0", "_1_0"], Tuple([1 as Float], Tuple([2 as Float], 3))),
    Case("set of numbers", [], Set([1, 2])),
    Case("set", ["!"], Set([[1 as Float]])),
    Case("set inside", ["_a!"], ["a": Set([[1 as Float]])]),
    Case("opaque", ["!"], Opaque()),
    Case("opaque inside", ["_0!"], [Opaque()]),
    Case("opaque optional", ["!"], Optional(Opaque())),
    Case("half", ["_0", "_1!"], Half()),
    Case("cache", [], KeyValueCache()),
    Case("beside a cache", ["_hidden"], WithCache()),
  ]

  private func record(
    _ value: some Capturable, in folder: TemporaryDirectory, _ name: String
  ) throws -> [any RunReader] {
    var configuration = CaptureConfiguration()
    configuration.outputDirectory = folder.path
    let recorder = try Recorder(configuration: configuration, manifest: RunManifest(id: name))
    let norm = [1 as Float]
    try recorder.probe.step {
      _ = try recorder.probe("norm", norm) { $0 }
      _ = try recorder.probe("m", value, Keyword("k", value)) { value, _ in value }
    }
    try recorder.finish()
    let root = folder.path + "/" + name
    return [try DirectoryRunReader(path: root), try HDF5RunReader(path: root + "/run.h5")]
  }

  @Test(arguments: cases)
  private func everyTensorIsRecordedOrMarked(_ value: Case) throws {
    let folder = try TemporaryDirectory()
    let first = try record(value.value(), in: folder, "first")
    let second = try record(value.value(), in: folder, "second")
    let wanted = Set(
      ["inputs_0", "inputs_k", "outputs"].flatMap { slot in value.slots.map { slot + $0 } })
    let marks = wanted.count { $0.hasSuffix("!") }
    for (one, other) in zip(first, second) {
      let call = try #require(one.steps[0].calls.first { $0.call.module == "m" })
      let found = call.tensors.map { $0.key.slot.rawValue + ($0.notRecorded == nil ? "" : "!") }
      #expect(Set(found) == wanted && found.count == wanted.count, "\(found)")
      let comparison = try RunComparison.compare(actual: one, expected: other)
      #expect(comparison.isMatch == (marks == 0), "\(comparison.failures)")
      #expect(comparison.summary.tensors.notRecorded == marks)
    }
  }

  @Test func whatHoldsItselfEnds() throws {
    let node = Node()
    node.next = node
    let folder = try TemporaryDirectory()
    defer { node.next = nil }
    let tensors = try record(node, in: folder, "cycle")[1].steps[0].calls.flatMap(\.tensors)
    #expect(tensors.contains { $0.key.slot.rawValue == "outputs_value" && $0.notRecorded == nil })
    #expect(
      tensors.contains { $0.notRecorded == "it holds itself" })
  }

  /// In a replay of single modules, and of the whole model.
  @Test func aMarkFailsEveryReplay() throws {
    var golden = InMemoryRun(path: "golden")
    golden.add(try Tensor([1] as [Float], dtype: .float32), "m", "inputs_0")
    golden.add(try Tensor([1] as [Float], dtype: .float32), "m", "outputs")
    let comparison = try ModuleReplay.compare(golden: golden, matching: ModulePattern("m")) { _ in
      Opaque()
    }
    #expect(!comparison.isMatch && comparison.summary.tensors.notRecorded == 1)
    let whole = try Replay.run(golden) { probe in
      try probe.step { _ = try probe("m", [1 as Float]) { _ in Opaque() } }
    }
    #expect(!whole.isMatch && whole.summary.tensors.notRecorded == 1)
  }

  @Test func tuplesAndArraysTakeTheGoldensTensors() throws {
    var golden = InMemoryRun(path: "golden")
    for (slot, value) in [("inputs_0_0", 5 as Float), ("inputs_0_1_0", 6), ("outputs", 11)] {
      golden.add(try Tensor([value], dtype: .float32), "m", slot)
    }
    var options = ReplayOptions()
    options.isIsolated = true
    var sum: Float = 0
    _ = try Replay.run(golden, options: options) { probe in
      try probe.step {
        let given = Tuple([1 as Float], ContiguousArray([Shaped([2 as Float], [1])]))
        _ = try probe("m", given) { given in
          let (first, second) = given.items
          sum = first[0] + second[0].value[0]
          return [sum]
        }
      }
    }
    #expect(sum == 11)
  }
}
