import AssayBase
import AssayTensors
import Foundation

/// What numpy and Python's integers say of a tensor; see `make_digests.py`.
struct DigestFixture: Decodable {
  var name: String
  var dtype: DType
  var shape: [Int]
  var seed: Int
  var bytes: String
  var sha256: String
  var nan: Int
  var inf: Int
  var min: Double?
  var max: Double?
  var mean: Double?
  var std: Double?
  var l2: Double?
  var projection: [Float]?
  var positions: [Int]?
  var sample: String?

  func tensor() throws -> Tensor {
    let storage = Self.bytes(of: bytes).withUnsafeBytes { Storage(copying: $0) }
    return try Tensor(storage: storage, dtype: dtype, shape: Shape(shape))
  }

  static func bytes(of text: String) -> [UInt8] {
    let digits = Array(text.utf8)
    return stride(from: 0, to: digits.count, by: 2).map { i in
      digits[i...i + 1].reduce(UInt8(0)) { $0 << 4 | ($1 < 58 ? $1 - 48 : $1 - 87) }
    }
  }

  static let all: Result<[DigestFixture], any Error> = Result {
    let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/digests.json")
    return try JSONDecoder().decode([DigestFixture].self, from: Data(contentsOf: url))
  }
}
