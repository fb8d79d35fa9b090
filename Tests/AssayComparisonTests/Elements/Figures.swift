import AssayBase
import Foundation

@testable import AssayComparison
@testable import AssayTensors

/// What numpy, torch and Python's integers said of pairs of tensors; see `make_fixtures.py`.
struct Figures: Decodable {
  var cases: [Case]
  var assertClose: [Asserted]

  struct Case: Decodable {
    var name: String
    var dtype: DType
    var shape: [Int]
    var actual: String
    var expected: String
    var verdicts: [Verdict]
    var sha256: String
    var figures: Values

    func pair() throws -> (actual: Tensor, expected: Tensor) {
      let shape = try Shape(shape)
      return (
        try Tensor(hexadecimal: actual, dtype: dtype, shape: shape),
        try Tensor(hexadecimal: expected, dtype: dtype, shape: shape)
      )
    }
  }

  struct Verdict: Decodable {
    var rtol: Double
    var atol: Double
    var equalNan: Bool
    var mismatched: [Int]

    func rule() throws -> ElementRule {
      try ElementRule(rtol: rtol, atol: atol, equalNaN: equalNan)
    }
  }

  struct Values: Decodable {
    var finite: Int
    var nan: [Int]
    var maxAbs: Located?
    var maxRel: Located?
    var maxUlp: Located?
    var worstRow: Located?
    var meanAbs: Number?
    var rmse: Number?
    var relL2: Number?
    var relLinf: Number?
    var cosine: Number?
    var sglRel: Number?
    var snr: Number?
    var quantiles: [Number]?
    var sides: [[Number]]?
  }

  struct Asserted: Decodable {
    var dtype: DType
    var actual: String
    var expected: String
    var isClose: Bool

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      dtype = try container.decode(DType.self)
      actual = try container.decode(String.self)
      expected = try container.decode(String.self)
      isClose = try container.decode(Bool.self)
    }
  }

  /// A number, or the name of one that JSON lacks.
  struct Number: Decodable {
    var value: Double
    var text: String

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let name = try? container.decode(String.self) {
        text = name
        value = Double(name) ?? .nan
      } else {
        value = try container.decode(Double.self)
        text = ""
      }
    }
  }

  /// A number and where it is.
  struct Located: Decodable {
    var number: Number
    var index: Int

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      number = try container.decode(Number.self)
      index = try container.decode(Int.self)
    }
  }

  static let all: Result<Figures, any Error> = Result {
    let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/figures.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Figures.self, from: Data(contentsOf: url))
  }
}

extension Tensor {
  /// Makes a tensor from its bytes in hexadecimal.
  init(hexadecimal text: String, dtype: DType, shape: Shape) throws {
    let digits = Array(text.utf8)
    let bytes = stride(from: 0, to: digits.count, by: 2).map { i in
      digits[i...i + 1].reduce(UInt8(0)) { $0 << 4 | ($1 < 58 ? $1 - 48 : $1 - 87) }
    }
    try self.init(
      storage: bytes.withUnsafeBytes { Storage(copying: $0) }, dtype: dtype, shape: shape)
  }
}
