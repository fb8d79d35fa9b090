import AssayRuns
import AssayTensors
import Foundation
import Testing

@testable import AssayCheckpoints

/// Files that the gguf package wrote and unpacked, see `Fixtures/gguf/make_gguf.py`.
@Suite struct GGUFFileTests {
  @Test func everyTypeIsUnpackedBitForBit() throws {
    let gguf = try GGUFFile(path: Fixture.path("gguf/types.gguf"))
    let expected = try SafetensorsFile(
      path: Fixture.path("gguf/types-expected.safetensors")
    ).tensors
    #expect(Set(gguf.tensors.keys) == Set(expected.map(\.name)))
    #expect(Set(gguf.tensors.values.map(\.type)) == Set(GGUFTensor.BlockType.allCases))
    for entry in expected {
      let tensor = try gguf.tensor(named: entry.name)
      #expect(tensor.dtype == .float32 && tensor.shape == entry.tensor.shape, "\(entry.name)")
      #expect(
        tensor.float32Values().map(\.bitPattern)
          == entry.tensor.float32Values().map(\.bitPattern), "\(entry.name)")
    }
  }

  @Test func valuesOfEveryTypeAreRead() throws {
    let metadata = try GGUFFile(path: Fixture.path("gguf/types.gguf")).metadata
    let expected: [String: GGUFValue] = [
      "general.architecture": .string("test"),
      "test.uint8": .integer(200), "test.int8": .integer(-100),
      "test.uint16": .integer(60000), "test.int16": .integer(-30000),
      "test.uint32": .integer(4_000_000_000), "test.int32": .integer(-2_000_000_000),
      "test.uint64": .unsigned(.max), "test.int64": .integer(-(1 << 62)),
      "test.float32": .double(Double(Float(1e-5))), "test.float64": .double(1e-5),
      "test.bool": .bool(true), "test.string": .string("naïve 🦙"),
      "test.strings": .array([.string("a"), .string(""), .string("ß")]),
      "test.integers": .array([.integer(3), .integer(-1), .integer(2)]),
    ]
    for (key, value) in expected { #expect(metadata[key] == value, "\(key)") }
  }

  @Test func tensorThatIsNotThereIsNamed() throws {
    let path = Fixture.path("gguf/types.gguf")
    let gguf = try GGUFFile(path: path)
    #expect(throws: GGUFError.missingTensor("blk.0", path: path)) {
      try gguf.tensor(named: "blk.0")
    }
  }

  @Test func fileThatIsNotThereIsNamed() {
    let error = #expect(throws: GGUFError.self) { try GGUFFile(path: "/nowhere/model.gguf") }
    #expect(error?.description.contains("/nowhere/model.gguf") == true)
  }
}
