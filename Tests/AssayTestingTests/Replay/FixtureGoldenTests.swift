import Assay
import AssayTestingSupport
import Foundation
import Testing

@testable import AssayTesting

/// Tests whose golden is a file that somebody made with other tools.
@Suite struct FixtureGoldenTests {
  /// Writes float32 vectors as a `.safetensors`.
  private func write(_ stages: [(String, [Float])], to playground: Playground) throws -> String {
    var data = Data()
    let entries = stages.map { name, values in
      let start = data.count
      values.withUnsafeBytes { data += Data($0) }
      return #""\#(name)":{"dtype":"F32","shape":[\#(values.count)],"#
        + #""data_offsets":[\#(start),\#(data.count)]}"#
    }
    let header = "{" + entries.joined(separator: ",") + "}"
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    let path = playground.goldens + "/port/stages.safetensors"
    try FileManager.default.createDirectory(
      atPath: playground.goldens + "/port", withIntermediateDirectories: true)
    try (length + Data(header.utf8) + data).write(to: URL(filePath: path))
    return path
  }

  @Test func aPortIsHeldToItsStages() throws {
    let playground = try Playground()
    _ = try write(
      [("first", [2, 4, 0]), ("step_1/second.outputs", [6, 12, 6])], to: playground)
    let comparison = try playground.run { try verifyReplay("port/stages", ToyModel().run) }
    #expect(comparison.isMatch && comparison.summary.tensors.compared == 2)
    let wrong = try playground.run {
      try verifyReplay("port/stages", ToyModel.with { $0.factor = 4 }.run)
    }
    #expect(!wrong.isMatch && wrong.firstDivergence?.call.module == "second")
  }

  @Test(arguments: [RecordMode.all, .failed]) func noTestWritesOverIt(_ mode: RecordMode) throws {
    let playground = try Playground()
    let path = try write([("first", [0, 0, 0])], to: playground)
    let before = try Data(contentsOf: URL(filePath: path))
    do {
      let comparison = try playground.run {
        try verifyReplay("port/stages", recipe: ToyModel.recipe, record: mode, ToyModel().run)
      }
      #expect(mode == .failed && !comparison.isMatch)
    } catch ReplayTestError.foreignGolden(path, _) {
      #expect(mode == .all)
    }
    #expect(try Data(contentsOf: URL(filePath: path)) == before)
    let files = try FileManager.default.contentsOfDirectory(atPath: playground.goldens + "/port")
    #expect(files == ["stages.safetensors"])
  }

  @Test func twoGoldensOfOneNameAreAnError() throws {
    let playground = try Playground()
    let path = try write([("first", [2, 4, 0])], to: playground)
    let other = playground.goldens + "/port/stages.npz"
    try Data("x".utf8).write(to: URL(filePath: other))
    #expect(throws: ReplayError.severalGoldens(paths: [path, other])) {
      try playground.run { try verifyReplay("port/stages", ToyModel().run) }
    }
  }
}
