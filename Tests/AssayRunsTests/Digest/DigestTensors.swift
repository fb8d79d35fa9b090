import AssayBase
import AssayTensors
import Foundation

/// Tensors of every kind, whose digests `AssayTensorsTests` compares with numpy's.
enum DigestTensors {
  private struct Fixture: Decodable {
    var dtype: DType
    var shape: [Int]
    var bytes: String
  }

  static func all() throws -> [Tensor] {
    let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "AssayTensorsTests/Fixtures/digests.json")
    let fixtures = try JSONDecoder().decode([Fixture].self, from: Data(contentsOf: url))
    return try fixtures.map { fixture in
      let digits = Array(fixture.bytes)
      let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
        UInt8(String(digits[$0...$0 + 1]), radix: 16)
      }
      return try Tensor(bytes: bytes, dtype: fixture.dtype, shape: fixture.shape)
    }
  }
}
