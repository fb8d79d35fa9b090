import AssayRuns
import AssayTensors
import Foundation
import Testing

@Suite struct SafetensorsFileTests {
  private static let path = URL(filePath: #filePath)
    .deletingLastPathComponent().appending(path: "Fixtures/dtypes.safetensors").path

  /// An entry of a header: two float32 of 8 bytes, unless told otherwise.
  private static func entry(
    _ name: String = "a", dtype: String = "F32", shape: String = "2", offsets: String = "0,8",
    more: String = ""
  ) -> String {
    #""\#(name)":{"dtype":"\#(dtype)","shape":[\#(shape)],"data_offsets":[\#(offsets)]\#(more)}"#
  }

  private static let dtypes = DType.allCases.filter { $0 != .complex128 }

  /// Writes bytes to a file that lives during `body` only.
  private static func withFile<Result>(
    _ data: Data, _ body: (String) throws -> Result
  ) throws -> Result {
    let url = FileManager.default.temporaryDirectory
      .appending(path: "assay-\(UUID().uuidString).safetensors")
    try data.write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url.path)
  }

  /// A file of a header and as many zero bytes of data.
  private static func file(_ header: String, dataCount: Int = 0) -> Data {
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    return length + Data(header.utf8) + Data(count: dataCount)
  }

  /// The reason for which a file is refused.
  private static func reason(_ data: Data) throws -> String? {
    try withFile(data) { path in
      let error = #expect(throws: RunError.self) { try SafetensorsFile(path: path) }
      guard case .damaged(path, let reason) = error else { return nil }
      return reason
    }
  }

  @Test(arguments: dtypes)
  func everyDTypeIsRead(_ dtype: DType) throws {
    let file = try SafetensorsFile(path: SafetensorsFileTests.path)
    let tensor = try #require(file.tensors.first { $0.name == dtype.rawValue }?.tensor)
    #expect(tensor.dtype == dtype)
    #expect(tensor.shape.dimensions == [2, 3])
    let isSigned = !dtype.rawValue.hasPrefix("uint") && dtype != .bool
    var expected: [Double] = [0, 1, 2, 3, isSigned ? -4 : 4, 96]
    if dtype == .bool { expected = expected.map { $0 == 0 ? 0 : 1 } }
    if dtype.isComplex { expected = expected.flatMap { [$0, 2 * $0] } }
    #expect(tensor.float64Values() == expected)
  }

  @Test func scalarsEmptyTensorsAndMetadataAreRead() throws {
    let file = try SafetensorsFile(path: SafetensorsFileTests.path)
    #expect(file.tensors.count == 18)
    let scalar = try #require(file.tensors.first { $0.name == "scalar" }?.tensor)
    #expect(scalar.shape == .scalar)
    #expect(scalar.float64Values() == [2.5])
    let empty = try #require(file.tensors.first { $0.name == "empty" }?.tensor)
    #expect(empty.shape.dimensions == [3, 0, 2])
    #expect(empty.float64Values() == [])
    #expect(file.metadata == ["format": "pt", "naïve \"key\"": "tab\tand 😀"])
  }

  @Test func truncationIsAnError() throws {
    let data = try Data(contentsOf: URL(filePath: SafetensorsFileTests.path))
    for count in Array(stride(from: 0, to: data.count, by: 7)) + [data.count - 1] {
      #expect(try SafetensorsFileTests.reason(data.prefix(count)) != nil, "\(count) bytes")
    }
  }

  /// A flipped bit may make another valid header; it must not make a file that cannot be read.
  @Test func flippedHeaderBitsNeverCrash() throws {
    let data = try Data(contentsOf: URL(filePath: SafetensorsFileTests.path))
    let headerCount = data.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
    var refused = 0
    for position in 0..<8 + headerCount {
      var damaged = data
      damaged[position] ^= 1 << UInt8(position % 8)
      try SafetensorsFileTests.withFile(damaged) { path in
        do throws(RunError) {
          for (_, tensor) in try SafetensorsFile(path: path).tensors {
            #expect(tensor.float64Values().count >= tensor.elementCount)
          }
        } catch {
          refused += 1
        }
      }
    }
    #expect(refused > headerCount / 2)
  }

  @Test(arguments: [
    ([entry(shape: "1", offsets: "0,4"), entry(shape: "1", offsets: "0,4")], "occurs twice"),
    ([entry(shape: "1")], "expected 1 values"),
    ([entry(shape: "1", offsets: "4,8")], "begins at 4 of the data, not at 0"),
    ([entry(shape: "1", offsets: "0,4")], "4 bytes behind its last tensor"),
    ([entry(shape: "4", offsets: "0,16")], "ends at 16 of the data"),
    ([entry(), entry("b", shape: "1", offsets: "4,8")], "begins at 4 of the data, not at 8"),
    ([entry(offsets: "8,0")], "has data_offsets [8, 0]"),
    ([entry(shape: "-2")], "no integer of at least 0"),
    ([entry(shape: "2.0")], "no \"]\""),
    ([entry(offsets: "0,99999999999999999999")], "too large"),
    ([entry(shape: "99999999999999999,99999999999999999")], "invalid shape"),
    ([entry(shape: "0,99999999999999999", offsets: "0,0")], "invalid shape"),
    ([entry(dtype: "F8_E8M0", shape: "8")], "tensor \"a\": its dtype F8_E8M0 is not supported"),
    ([entry(more: #","x":1"#)], "unknown key \"x\""),
    ([entry(#"\ud800"#)], "half a surrogate pair"),
    ([entry(#"\u00g0"#)], "bad \\u escape"),
    ([#""a":{"dtype":"F32","shape":[2]}"#], "lacks dtype, shape or data_offsets"),
    ([entry(more: #","shape":[2]"#)], "\"shape\" twice"),
    ([#""__metadata__":{"k":1}"#, entry()], "__metadata__ \"k\" is not a string"),
    ([#""__metadata__":{"k":"1","k":"1"}"#, entry()], "occurs twice"),
  ])
  func hostileEntryIsRefused(_ entries: [String], _ expected: String) throws {
    try expectRefused("{" + entries.joined(separator: ",") + "}", expected)
  }

  @Test(arguments: [
    ("{\(entry())} x", "more text behind the end"), ("{\(entry())", "no \"}\""),
    (" {\(entry())}", "does not begin with"), ("[]", "does not begin with"),
    ("", "does not begin with"), ("{}", "8 bytes behind"),
  ])
  func hostileHeaderIsRefused(_ header: String, _ expected: String) throws {
    try expectRefused(header, expected)
  }

  /// No argument: logs print those whole.
  @Test func deepHeaderIsRefused() throws {
    try expectRefused(#"{"a":"# + String(repeating: "[", count: 200_000), "no \"{\"")
  }

  private func expectRefused(_ header: String, _ expected: String) throws {
    let reason = try SafetensorsFileTests.reason(SafetensorsFileTests.file(header, dataCount: 8))
    #expect(reason?.contains(expected) == true, "\(reason ?? "no reason")")
  }

  @Test func manyAxesAreRefused() throws {
    let ones = String(repeating: "1,", count: 64) + "1"
    let header = #"{"a":{"dtype":"F32","shape":["# + ones + #"],"data_offsets":[0,4]}}"#
    let reason = try SafetensorsFileTests.reason(SafetensorsFileTests.file(header, dataCount: 4))
    #expect(reason?.contains("more than 64 integers") == true)
  }

  @Test(arguments: [UInt64.max, 1 << 63, 100_000_001, 100_000_000, 17])
  func hugeHeaderLengthIsRefused(_ length: UInt64) throws {
    let data = withUnsafeBytes(of: length.littleEndian) { Data($0) } + Data(count: 16)
    #expect(try SafetensorsFileTests.reason(data)?.contains("header claims \(length)") == true)
  }

  @Test func directoriesAndMissingFilesAreErrors() throws {
    #expect(throws: RunError.self) { try SafetensorsFile(path: "/") }
    #expect(throws: RunError.self) { try SafetensorsFile(path: SafetensorsFileTests.path + "x") }
  }
}
