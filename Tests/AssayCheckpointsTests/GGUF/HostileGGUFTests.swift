import Foundation
import Testing

@testable import AssayCheckpoints

/// Files that are cut or lie: each is an error that says what is wrong, none a trap.
@Suite struct HostileGGUFTests {
  private let scratch: Scratch
  private var path: String { scratch.path + "/hostile.gguf" }

  init() throws {
    scratch = try Scratch()
  }

  private func expectError(
    _ text: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ build: (inout GGUFBytes) -> Void
  ) throws {
    var bytes = GGUFBytes()
    build(&bytes)
    try scratch.write("hostile.gguf", bytes.data)
    let error = #expect(throws: GGUFError.self, sourceLocation: sourceLocation) {
      try GGUFFile(path: path)
    }
    let found = error?.description ?? ""
    #expect(found.contains(text), "\(found)", sourceLocation: sourceLocation)
    #expect(found.contains(path), "\(found)", sourceLocation: sourceLocation)
  }

  private func expectBadTensor(
    _ text: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ describe: (inout GGUFBytes) -> Void
  ) throws {
    try expectError(text, sourceLocation: sourceLocation) {
      $0.header(tensors: 1)
      $0.append("weird")
      describe(&$0)
      $0.pad(4096)
    }
  }

  @Test func everyCutIsAnError() throws {
    let source = Fixture.path("gguf/types.gguf")
    let data = try Data(contentsOf: URL(filePath: source))
    let end = try #require(
      GGUFFile(path: source).tensors.values.map(\.byteRange.upperBound).max())
    #expect(end > data.count - 32)
    for length in 0..<end {
      try scratch.write("hostile.gguf", data.prefix(length))
      #expect(throws: GGUFError.self, "cut to \(length) bytes") { try GGUFFile(path: path) }
    }
  }

  @Test func changedBytesNeverTrap() throws {
    let data = try Data(contentsOf: URL(filePath: Fixture.path("gguf/types.gguf")))
    var state: UInt64 = 1
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var (refused, accepted) = (0, 0)
    for _ in 0..<3000 {
      var changed = data
      for _ in 0...random(3) { changed[random(1200)] = UInt8(random(256)) }
      try scratch.write("hostile.gguf", changed)
      do {
        let gguf = try GGUFFile(path: path)
        for name in gguf.tensors.keys { _ = try gguf.tensor(named: name) }
        accepted += 1
      } catch is GGUFError {
        refused += 1
      }
    }
    #expect(refused > 0 && accepted > 0, "\(refused) refused, \(accepted) accepted")
  }

  @Test func headersThatAreWrong() throws {
    try expectError("does not begin with \"GGUF\"") {
      $0.data = Data("GGML".utf8) + Data(count: 64)
    }
    try expectError("version 1 of GGUF") { $0.header(version: 1) }
    try expectError("big-endian") { $0.header(version: UInt32(3).byteSwapped) }
    try expectError("claims 18446744073709551615 tensors") { $0.header(tensors: .max) }
    try expectError("claims 9223372036854775808 keys") { $0.header(keys: 1 << 63) }
  }

  @Test func valuesThatAreWrong() throws {
    func expectBadValue(
      _ text: String, sourceLocation: SourceLocation = #_sourceLocation,
      _ value: (inout GGUFBytes) -> Void
    ) throws {
      try expectError(text, sourceLocation: sourceLocation) {
        $0.header(keys: 1)
        $0.append("odd")
        value(&$0)
        $0.pad(64)
      }
    }
    try expectBadValue("\"odd\" has the unknown type 99") { $0.append(UInt32(99)) }
    try expectBadValue("neither true nor false but 2") {
      $0.append(UInt32(7))
      $0.append(UInt8(2))
    }
    try expectBadValue("claims 1099511627776 bytes of \"odd\"") {
      $0.append(UInt32(8))
      $0.append(UInt64(1) << 40)
    }
    try expectBadValue("is not UTF-8") {
      $0.append(UInt32(8))
      $0.append(UInt64(1))
      $0.append(UInt8(0xFF))
    }
    try expectBadValue("claims 1152921504606846976 elements of \"odd\"") {
      $0.append(UInt32(9))
      $0.append(UInt32(12))
      $0.append(UInt64(1) << 60)
    }
    try expectBadValue("nested deeper than 8") {
      $0.append(UInt32(9))
      for _ in 0..<50 {
        $0.append(UInt32(9))
        $0.append(UInt64(1))
      }
    }
  }

  @Test func keyThatOccursTwice() throws {
    try expectError("the key \"twin\" occurs twice") {
      $0.header(keys: 2)
      for _ in 0..<2 {
        $0.append("twin")
        $0.append(UInt32(0))
        $0.append(UInt8(1))
      }
    }
  }

  @Test(arguments: [0, 3, 1 << 21] as [UInt32])
  func alignmentThatIsNone(_ alignment: UInt32) throws {
    try expectError("general.alignment") {
      $0.header(keys: 1)
      $0.append("general.alignment")
      $0.append(UInt32(4))
      $0.append(alignment)
    }
  }

  @Test func tensorsThatAreWrong() throws {
    try expectBadTensor("Q4_K") { $0.tensor([256], type: 12) }
    try expectBadTensor("\"weird\"") { $0.tensor([256], type: 9999) }
    try expectBadTensor("\"weird\"") { $0.tensor([33], type: 2) }
    try expectBadTensor("\"weird\"") { $0.tensor([1 << 40, 1 << 40], type: 0) }
    try expectBadTensor("\"weird\"") { $0.tensor([.max], type: 0) }
    try expectBadTensor("\"weird\"") { $0.tensor([2000], type: 0) }
    try expectBadTensor("\"weird\"") { $0.tensor([4], type: 0, offset: 1) }
    try expectBadTensor("\"weird\"") { $0.tensor([4], type: 0, offset: 1 << 62) }
    try expectBadTensor("\"weird\"") { $0.tensor([4], type: 0, offset: .max - 31) }
    try expectBadTensor("\"weird\"") {
      $0.tensor([UInt64](repeating: 1, count: 100), type: 0)
    }
  }

  @Test func tensorThatOccursTwice() throws {
    try expectError("\"twin\"") {
      $0.header(tensors: 2)
      for _ in 0..<2 {
        $0.append("twin")
        $0.tensor([4], type: 0)
      }
      $0.pad(256)
    }
  }
}
