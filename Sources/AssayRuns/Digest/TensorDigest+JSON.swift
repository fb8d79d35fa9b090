package import AssayBase
import AssayTensors
import Foundation

/// Why the description of a digest cannot be read.
struct DigestFailure: Error, CustomStringConvertible {
  var description: String
}

extension TensorDigest {
  /// The version of the digest's definition.
  private static let version = 1

  private enum Key {
    static let version = "version"
    static let seed = "seed"
    static let count = "count"
    static let sha256 = "sha256"
    static let min = "min"
    static let max = "max"
    static let mean = "mean"
    static let standardDeviation = "std"
    static let l2 = "l2"
    static let nan = "nan"
    static let inf = "inf"
    static let projection = "projection"
    static let sample = "sample"
  }

  /// All but the projection and the sample.
  var figures: [String: JSONValue] {
    func real(_ value: Double?) -> JSONValue { value.map(JSONValue.init(real:)) ?? .null }
    func integer(_ value: Int) -> JSONValue { .integer(Int64(value)) }
    return [
      Key.version: integer(TensorDigest.version), Key.seed: integer(seed),
      Key.count: integer(statistics.elementCount), Key.sha256: .string(sha256),
      Key.min: real(statistics.min), Key.max: real(statistics.max), Key.mean: real(statistics.mean),
      Key.standardDeviation: real(statistics.standardDeviation), Key.l2: real(statistics.l2),
      Key.nan: integer(statistics.nanCount), Key.inf: integer(statistics.infCount),
    ]
  }

  /// The whole digest, as the note of a tensor in the directory layout holds it.
  package var jsonValue: JSONValue {
    var members = figures
    if let projection {
      members[Key.projection] = .array(projection.map { JSONValue(real: Double($0)) })
    }
    if let sample { members[Key.sample] = .string(Data(sample).base64EncodedString()) }
    return .object(members)
  }

  /// Reads a digest that stands in one piece.
  ///
  /// - Throws: `DigestFailure`.
  init(_ value: JSONValue, dtype: DType, shape: Shape) throws {
    guard let members = value.members else { throw DigestFailure(description: "it is no object") }
    var projection: [Float]?
    if let value = members[Key.projection] {
      guard let items = value.items, items.count <= 1 << 16 else {
        throw DigestFailure(description: "its projection is no list of numbers")
      }
      projection = try items.map { Float(try Self.real($0, Key.projection)) }
    }
    var sample: [UInt8]?
    if let value = members[Key.sample] {
      guard let text = value.text, let data = Data(base64Encoded: text) else {
        throw DigestFailure(description: "its sample is not in Base64")
      }
      sample = [UInt8](data)
    }
    try self.init(
      figures: value, projection: projection, sample: sample, dtype: dtype, shape: shape)
  }

  /// Reads a digest, and refuses what contradicts itself or its tensor.
  ///
  /// - Throws: `DigestFailure`.
  init(
    figures: JSONValue, projection: [Float]?, sample: [UInt8]?, dtype: DType, shape: Shape
  ) throws {
    let members = figures.members ?? [:]
    func integer(_ key: String) throws -> Int {
      guard let value = members[key]?.int, value >= 0 else {
        throw DigestFailure(description: "its \(key) is no number from 0")
      }
      return value
    }
    guard try integer(Key.version) == TensorDigest.version else {
      throw DigestFailure(
        description:
          "it is of version \(try integer(Key.version)), and this is a reader of version "
          + "\(TensorDigest.version); read it with a later Assay")
    }
    let hash = members[Key.sha256]?.text ?? ""
    guard hash.utf8.count == 64, hash.allSatisfy({ $0.isHexDigit && !$0.isUppercase }) else {
      throw DigestFailure(description: "its sha256 is not 64 hexadecimal digits")
    }
    self.init(
      seed: try integer(Key.seed), statistics: try Self.statistics(members, integer), sha256: hash,
      projection: projection, sample: sample)
    try check(dtype: dtype, shape: shape)
  }

  private static func statistics(
    _ members: NameMap<JSONValue>, _ integer: (String) throws -> Int
  ) throws -> TensorStatistics {
    func real(_ key: String) throws -> Double? {
      guard let value = members[key], value != .null else { return nil }
      return try Self.real(value, key)
    }
    var statistics = TensorStatistics()
    statistics.elementCount = try integer(Key.count)
    statistics.nanCount = try integer(Key.nan)
    statistics.infCount = try integer(Key.inf)
    statistics.min = try real(Key.min)
    statistics.max = try real(Key.max)
    statistics.mean = try real(Key.mean)
    statistics.standardDeviation = try real(Key.standardDeviation)
    guard let l2 = try real(Key.l2) else { throw DigestFailure(description: "it lacks l2") }
    statistics.l2 = l2
    return statistics
  }

  /// A number, which JSON writes as a string where it is infinite.
  private static func real(_ value: JSONValue, _ key: String) throws -> Double {
    switch value {
    case .integer(let value): return Double(value)
    case .number(let value): return value
    case .string("inf"): return .infinity
    case .string(let text):
      // A whole number that no signed 64 bits hold is kept as its digits.
      guard let value = UInt64(text) else { fallthrough }
      return Double(value)
    default: throw DigestFailure(description: "its \(key) is no number")
    }
  }

  private func check(dtype: DType, shape: Shape) throws {
    func require(_ condition: Bool, _ reason: String) throws {
      if !condition { throw DigestFailure(description: reason) }
    }
    let count = dtype.valueShape(of: shape).elementCount
    try require(
      statistics.elementCount == count,
      "it is of \(statistics.elementCount) elements, and the tensor has \(count)")
    let (nonFinite, overflow) = statistics.nanCount.addingReportingOverflow(statistics.infCount)
    try require(!overflow && nonFinite <= count, "it counts more NaN and Inf than elements")
    let (min, max) = (statistics.min, statistics.max)
    let figures = [min, max, statistics.mean, statistics.standardDeviation]
    try require(
      figures.allSatisfy { ($0 != nil) == (nonFinite < count) },
      "its figures do not fit its counts of NaN and Inf")
    if let min, let max {
      try require(min < .infinity && min <= max, "its min and max are no range")
    }
    try require(
      statistics.l2 >= 0 && statistics.standardDeviation ?? 0 >= 0, "its l2 or std is negative")
    if let projection {
      try require(
        TensorDigest.isProjected(dtype) && projection.count == TensorDigest.projectionCount
          && projection.allSatisfy(\.isFinite),
        "its projection is not \(TensorDigest.projectionCount) finite numbers of a dtype with "
          + "fractions")
    }
    if let sample {
      try require(
        shape.elementCount > TensorDigest.sampleCount
          && sample.count == TensorDigest.sampleCount * dtype.byteCount,
        "its sample is not of \(TensorDigest.sampleCount) of more elements")
    }
  }
}
