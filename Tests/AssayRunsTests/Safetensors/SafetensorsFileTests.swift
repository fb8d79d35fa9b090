import AssayRuns
import AssayTensors
import Foundation
import Testing

@Suite struct SafetensorsFileTests {
  private static let path = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/dtypes.safetensors").path

  /// An entry of a header: two float32 of 8 bytes, unless told otherwise.
  private static func entry(
    _ name: String = "a", dtype: String = "F32", shape: String = "2", offsets: String = "0,8",
    more: String = ""
  ) -> String {
    #""\#(name)":{"dtype":"\#(dtype)","shape":[\#(shape)],"data_offsets":[\#(offsets)]\#(more)}"#
  }

  private static let dtypes = DType.allCases.filter {
    $0 != .complex128 && $0 != .complex32
  }

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
      switch error {
      case .damaged(path, let reason), .standIn(path, let reason): return reason
      default: return nil
      }
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
    // The codes 00 21 7F FF E8 54, which torch's package was given as they are.
    switch dtype {
    case .float8_e8m0fnu: expected = [0x1p-127, 0x1p-94, 1, .nan, 0x1p105, 0x1p-43]
    case .float4_e2m1fn_x2: expected = [0, 0, 0.5, 1, -6, 6, -6, -6, -0.0, -4, 2, 3]
    default: break
    }
    #expect(tensor.float64Values().map { "\($0)" } == expected.map { "\($0)" })
  }

  @Test func scalarsEmptyTensorsAndMetadataAreRead() throws {
    let file = try SafetensorsFile(path: SafetensorsFileTests.path)
    #expect(file.tensors.count == 22)
    let scalar = try #require(file.tensors.first { $0.name == "scalar" }?.tensor)
    #expect(scalar.shape == .scalar)
    #expect(scalar.float64Values() == [2.5])
    let empty = try #require(file.tensors.first { $0.name == "empty" }?.tensor)
    #expect(empty.shape.dimensions == [3, 0, 2])
    #expect(empty.float64Values() == [])
    #expect(file.metadata == ["format": "pt", "naïve \"key\"": "tab\tand 😀"])
  }

  /// As the official reader, which passes over what it does not know in an entry.
  @Test(arguments: [
    (#""__metadata__":null"#, entry()), (#""__metadata__":{}"#, entry()),
    (#""__metadata__":{"k":"v"}"#, entry(more: #","later":{"x":[1,null,"y"]},"z":null"#)),
    (#""__metadata__":null"#, entry(more: #","x":[-0,1e5,1E+5,0.5,true,{}],"x":1"#)),
    (
      #""__metadata__":{}"#,
      entry(
        more: #","x":"# + String(repeating: "[", count: 125) + String(repeating: "]", count: 125))
    ),
  ])
  func whatAnEntryDoesNotNeedIsPassedOver(_ metadata: String, _ entry: String) throws {
    let data = Self.file(" \n{\(metadata),\(entry)}\t ", dataCount: 8)
    let file = try Self.withFile(data) { try SafetensorsFile(path: $0) }
    #expect(file.tensors.map(\.name) == ["a"])
    #expect(file.tensors.first?.tensor.dtype == .float32)
  }

  /// One tensor of a kind that torch cannot hold does not take the others with it.
  @Test(arguments: [
    ("F6_E2M3", "4", "0,3"), ("F6_E3M2", "4", "0,3"), ("C128", "1", "0,16"), ("X", "3", "0,3"),
    ("F4", "2,3", "0,3"), ("F4", "0,3", "0,0"),
  ])
  func whatTorchCannotHoldIsListed(_ dtype: String, _ shape: String, _ offsets: String) throws {
    let start = Int(offsets.split(separator: ",")[1]) ?? 0
    let header =
      "{\(Self.entry("odd", dtype: dtype, shape: shape, offsets: offsets)),"
      + Self.entry("plain", offsets: "\(start),\(start + 8)") + "}"
    let data = Self.file(header, dataCount: start + 8)
    let file = try Self.withFile(data) { try SafetensorsFile(path: $0) }
    #expect(file.tensors.map(\.name) == ["plain"])
    #expect(file.unsupported.map(\.name) == ["odd"])
    let reason = try #require(file.unsupported.first?.reason)
    if dtype == "F4" {
      #expect(reason.contains("does not end in whole bytes of float4_e2m1fn_x2"))
    } else {
      #expect(reason.contains("dtype \"\(dtype)\" is not supported; Assay reads float64, float32"))
    }
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
    ([entry(dtype: "F4", shape: "15")], "expected 15 values for the shape, found 16"),
    ([entry(dtype: "F4", shape: "8")], "expected 8 values for the shape, found 16"),
    ([entry(more: #","x":"#)], "no value"),
    // What the official reader (safetensors 0.8) refuses too.
    ([entry(more: #","x":NaN"#)], "something else than a value"),
    ([entry(more: #","x":01"#)], "something else than a value"),
    ([entry(more: #","x":True"#)], "something else than a value"),
    ([entry(more: #","x":1."#)], "something else than a value"),
    (
      [
        entry(
          more: #","x":"# + String(repeating: "[", count: 126) + String(repeating: "]", count: 126))
      ], "nested deeper"
    ),
    ([#""__metadata__":{"k":null}"#, entry()], "__metadata__ \"k\" is not a string"),
    ([#""__metadata__":null,"__metadata__":{}"#, entry()], "occurs twice"),
    ([#""a":null"#], "no \"{\""),
    ([#""__metadata__":nil"#, entry()], "no null"),
    ([#""__metadata__":[]"#, entry()], "no \"{\""),
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
    ("\0{\(entry())}", "does not begin with"), ("[]", "does not begin with"),
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
