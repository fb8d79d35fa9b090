import AssayBase
import AssayTensors
import Foundation
import Testing

@testable import AssayTorch

/// What torch said about the fixtures when it wrote them.
struct Expectations: Decodable {
  struct File: Decodable {
    var value: String
    var tensors: [ExpectedTensor]
    /// The path of each part that cannot be read, and what its reason mentions.
    var unreadable: [[String]]
  }

  struct ExpectedTensor: Decodable, Equatable {
    var path: [String]
    var dtype: String
    var shape: [Int]
    var device: String
    /// All elements, contiguous and little-endian.
    var hex: String
  }

  struct Refusal: Decodable {
    var error: String
    var mentions: String
  }

  var files: [String: File]
  var refused: [String: Refusal]
  /// `data.pkl` as torch writes it for a contiguous tensor, by dtype and kind.
  var pickles: [String: String]

  static let all: Expectations = {
    do {
      let data = try Data(contentsOf: URL(fileURLWithPath: Fixture.path("expected.json")))
      return try JSONDecoder().decode(Expectations.self, from: data)
    } catch {
      Issue.record("expected.json is unreadable: \(error)")
      return Expectations(files: [:], refused: [:], pickles: [:])
    }
  }()
}

enum Fixture {
  static func path(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures").appendingPathComponent(name).path
  }

  static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  /// Calls `body` with a folder of its own, which is removed afterwards.
  static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("assay-torch-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
  }

  /// Calls `body` with the path of a file of these bytes.
  static func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result
  {
    try withFolder { folder in
      let path = folder + "/file.pt"
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      return try body(path)
    }
  }

  /// Loads a zip archive with this pickle and `data/0` of 16 bytes.
  static func load(pickle: [UInt8], storage: [UInt8] = Array(0..<16)) throws -> TorchValue {
    try withFolder { folder in
      let path = folder + "/file.pt"
      let file = try WholeFile(path: path)
      var zip = ZipWriter(file, root: "file")
      try zip.add("data.pkl", pickle)
      try zip.add("data/0", storage)
      try zip.finish()
      try file.commit()
      return try TorchFile.load(path: path)
    }
  }
}

extension Tensor {
  /// All elements as hexadecimal digits.
  var hex: String {
    withContiguousBytes { bytes in
      bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
  }

  func expectation(path: [String]) -> Expectations.ExpectedTensor {
    Expectations.ExpectedTensor(
      path: path, dtype: dtype.rawValue, shape: shape.dimensions, device: device.name, hex: hex)
  }
}

extension TorchValue {
  /// The value as the script that made the fixtures renders it.
  var rendered: String {
    switch self {
    case .tensor: "tensor"
    case .list(let items): "[" + items.map(\.rendered).joined(separator: ", ") + "]"
    case .tuple(let items): "(" + items.map(\.rendered).joined(separator: ", ") + ")"
    case .dictionary(let items):
      "{" + items.map { "\($0.key.rendered): \($0.value.rendered)" }.joined(separator: ", ") + "}"
    case .set(let items): "set(" + items.map(\.rendered).joined(separator: ", ") + ")"
    case .complex(let real, let imaginary): "complex(\(real), \(imaginary))"
    case .longInteger(let decimal): decimal
    case .unreadable: "unreadable"
    case .none: "None"
    case .bool(let flag): flag ? "True" : "False"
    case .integer(let value): String(value)
    case .number(let value): String(value)
    case .string(let text): "\"\(text)\""
    case .bytes(let bytes):
      "b" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
  }
}

extension TorchError {
  /// The case's name, as expected.json has it.
  var caseName: String { String("\(Mirror(reflecting: self).children.first?.label ?? "")") }
}
