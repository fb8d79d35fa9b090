import AssayBase
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// One tensor as `Fixtures/make_plain_dumps.py` says it is.
struct ExpectedTensor: Decodable {
  var step: Int
  var module: String
  var call: Int
  var slot: String
  var device: String
  var dtype: String
  var shape: [Int]
  var values: [Double]?
  var skipped: String?

  var key: TensorKey {
    TensorKey(
      CallKey(step: step, module: module, index: call), device: Device(device), slot: Slot(slot))
  }
}

/// The dumps that PyTorch's hooks wrote, as vLLM's do.
enum PlainDump {
  static let directory = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/plain").path

  static func expected(_ name: String) throws -> [ExpectedTensor] {
    let data = try Data(contentsOf: URL(filePath: directory + "/expected.json"))
    return try JSONDecoder().decode([String: [ExpectedTensor]].self, from: data)[name] ?? []
  }
}

private func module(_ name: String, _ call: Int = 0, step: Int = 0) -> CallKey {
  CallKey(step: step, module: name, index: call)
}

@Suite struct PlainDumpTests {
  @Test(arguments: ["complete", "bare", "unlisted"])
  func readsWhatPyTorchWrote(_ name: String) throws {
    let reader = try DirectoryRunReader(path: PlainDump.directory + "/" + name)
    let expected = try PlainDump.expected(name)
    let records = reader.steps.flatMap { $0.calls.flatMap(\.tensors) }
    #expect(!expected.isEmpty && Set(records.map(\.key)) == Set(expected.map(\.key)))
    #expect(records.count == expected.count)
    for tensor in expected {
      let record = records.first { $0.key == tensor.key }
      if let values = tensor.values {
        let found = try reader.tensor(tensor.key)
        #expect(found.float64Values() == values && found.dtype.rawValue == tensor.dtype)
        #expect(found.shape.dimensions == tensor.shape && found.device == tensor.key.device)
        #expect(record?.skipped == nil)
      } else {
        let note = try #require(record?.skipped)
        #expect(note.reason == tensor.skipped && note.shape.dimensions == tensor.shape)
        #expect(note.dtype.rawValue == tensor.dtype && note.device == tensor.key.device)
        #expect(throws: RunError.self) { try reader.tensor(tensor.key) }
      }
    }
  }

  @Test func completeDumpHasTheRecordedOrder() throws {
    let reader = try DirectoryRunReader(path: PlainDump.directory + "/complete")
    #expect(reader.manifest == RunManifest(id: "complete"))
    #expect(reader.steps.map(\.index) == [2, 10])
    #expect(
      reader.steps[0].calls.map(\.call) == [
        module("embed", step: 2), module("layers.0", step: 2), module("layers.0.norm", step: 2),
        module("layers.0.rotary_emb", step: 2), module("layers.0.rotary_emb", 1, step: 2),
        module("layers.0.proj_1", step: 2), module("head", step: 2),
      ])
    #expect(reader.steps.map(\.isOrderRecorded) == [true, true])
    #expect(reader.steps[0].completionOrder == [0, 2, 3, 4, 5, 1, 6])
    let outputs = try #require(reader.steps[0].calls[1].descriptions[.outputs]?.members)
    #expect(outputs["type"] == .string("dict"))
    #expect(outputs["items"]?.members?["cache"] == .null)
  }

  @Test func bareDumpIsInTheOrderOfItsNames() throws {
    let step = try #require(
      DirectoryRunReader(path: PlainDump.directory + "/bare").steps.first)
    #expect(!step.isOrderRecorded)
    #expect(
      step.calls.map(\.call) == [
        module("embed"), module("head"), module("layers.0"), module("layers.0.norm"),
        module("layers.0.proj_1"), module("layers.0.rotary_emb"),
        module("layers.0.rotary_emb", 1),
      ])
    #expect(step.calls.filter { !$0.descriptions.isEmpty }.isEmpty)
  }

  @Test func repeatedMissingAndUnlistedModules() throws {
    let step = try #require(
      DirectoryRunReader(path: PlainDump.directory + "/unlisted").steps.first)
    #expect(
      step.calls.map(\.call)
        == [module("embed"), module("layers.0"), module("layers.0.gone"), module("head")])
    #expect(step.calls[2].tensors.isEmpty)
    #expect(!step.isOrderRecorded)
  }
}
