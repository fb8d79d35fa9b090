import AssayBase
import AssayCheckpoints
import AssayRuns
import AssayTensors
import Foundation
import Testing

@testable import AssayLlama

/// What `Fixtures/make_fixtures.py` recorded with PyTorch.
enum Fixture {
  static let directory = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures").path

  static let dtypes: [DType] = [.float32, .bfloat16, .float16]

  static func path(_ name: String) -> String { directory + "/" + name }

  /// One tensor of a safetensors file of the fixtures.
  static func tensor(_ name: String, in file: String = "pieces") throws -> Tensor {
    let file = try SafetensorsFile(path: path(file + ".safetensors"))
    return try #require(file.tensors.first { $0.name == name }?.tensor, "\(name)")
  }

  /// One tensor's values, rounded to a dtype as a model's inputs are.
  static func activation(
    _ name: String, _ dtype: DType, shape: [Int]? = nil
  ) throws -> Activation {
    let tensor = try tensor(name)
    let values = tensor.float32Values()
    let rounding = try Rounding(dtype)
    return Activation(shape: shape ?? tensor.shape.dimensions, dtype: dtype) { result in
      _ = result.update(fromContentsOf: values)
      rounding.round(result)
    }
  }
}

/// How far values are from what PyTorch computed.
struct Distance: CustomStringConvertible {
  /// The largest `|a - e| / (floor + |e|)`; infinite where only one side is NaN or infinite.
  var relative: Float = 0
  /// How many elements are not the same number.
  var differing = 0
  var count = 0

  init(_ actual: [Float], _ expected: Tensor, floor: Float = 0) {
    let expected = expected.float32Values()
    count = max(actual.count, expected.count)
    if actual.count != expected.count { (relative, differing) = (.infinity, count) }
    for (a, e) in zip(actual, expected) where a != e && !(a.isNaN && e.isNaN) {
      differing += 1
      let error = abs(a - e) / (floor + abs(e))
      relative = error.isFinite ? max(relative, error) : .infinity
    }
  }

  var description: String { "\(differing) of \(count) differ, relative \(relative)" }
}

/// A directory that a test may fill; removed when the test lets go of it.
final class Scratch {
  let path: String

  /// Makes an empty directory, or a copy of a checkpoint of the fixtures.
  init(copying fixture: String? = nil) throws {
    let url = FileManager.default.temporaryDirectory
      .appending(path: "assay-llama-\(UUID().uuidString)")
    path = url.path
    if let fixture {
      try FileManager.default.copyItem(atPath: Fixture.path(fixture), toPath: path)
    } else {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ data: Data) throws {
    try data.write(to: URL(filePath: path + "/" + name))
  }

  /// Changes keys of `config.json`; `nil` removes one.
  func configure(_ changes: [String: JSONValue?]) throws {
    let url = URL(filePath: path + "/config.json")
    let config = try JSONValue(decoding: Data(contentsOf: url))
    var members = try #require(config.members)
    for (key, value) in changes { members[key] = value }
    try JSONValue.object(members).encoded().write(to: url)
  }

  /// Writes the tensors of a weight file again, as `change` leaves them.
  func rewrite(
    _ name: String = "model.safetensors", _ change: (inout [String: Tensor]) throws -> Void
  ) throws {
    let source = try SafetensorsFile(path: path + "/" + name)
    var tensors = Dictionary(
      uniqueKeysWithValues: source.tensors.map { ($0.name, $0.tensor.copied()) })
    try change(&tensors)
    var (entries, data) = ([String: JSONValue](), Data())
    for (name, tensor) in tensors {
      let names: [DType: String] = [
        .float32: "F32", .bfloat16: "BF16", .float16: "F16", .int64: "I64", .float64: "F64",
      ]
      let start = data.count
      tensor.withContiguousBytes { data.append(contentsOf: $0) }
      entries[name] = .object([
        "dtype": .string(try #require(names[tensor.dtype])),
        "shape": .array(tensor.shape.dimensions.map { .integer(Int64($0)) }),
        "data_offsets": .array([.integer(Int64(start)), .integer(Int64(data.count))]),
      ])
    }
    let header = JSONValue.object(entries).encoded()
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
    try write(name, length + header + data)
  }
}
