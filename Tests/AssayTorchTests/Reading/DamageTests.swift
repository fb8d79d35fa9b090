import AssayBase
import AssayTensors
import Foundation
import Testing

@testable import AssayTorch

/// Damaged files give an error: never a crash, and never other elements without one.
@Suite struct DamageTests {
  /// Loads every variant of a file through one path.
  private func tryAll(
    _ variants: some Sequence<[UInt8]>,
    _ check: (Result<TorchValue, TorchError>, Int) throws -> Void
  ) throws {
    try Fixture.withFolder { folder in
      let path = folder + "/file.pt"
      for (index, bytes) in variants.enumerated() {
        // A new file each time: a loaded one stays mapped. It need not reach the disk.
        try WholeFile.replace(path, with: Data(bytes), isDurable: false)
        try check(Result { () throws(TorchError) in try TorchFile.load(path: path) }, index)
      }
    }
  }

  /// The bytes with one bit of each flipped, and with all bits of each.
  private func flips(of whole: [UInt8]) -> some Sequence<[UInt8]> {
    (0..<whole.count * 2).lazy.map { variant in
      var bytes = whole
      let index = variant / 2
      bytes[index] ^= variant.isMultiple(of: 2) ? 1 << UInt8(index % 8) : 0xFF
      return bytes
    }
  }

  @Test(arguments: ["small.pt", "legacy.pt", "deflated.pt", "torch_1_13.pt", "nested.pt"])
  func everyTruncationIsAnError(_ name: String) throws {
    let whole = try Fixture.bytes(name)
    let lengths =
      whole.count > 2000 ? Array(stride(from: 0, to: whole.count, by: 7)) : Array(0..<whole.count)
    try tryAll(lengths.lazy.map { Array(whole[..<$0]) }) { result, index in
      #expect(throws: TorchError.self, "length \(lengths[index])") { try result.get() }
    }
  }

  @Test(arguments: ["small.pt", "deflated.pt", "torch_1_13.pt"])
  func noFlippedBitChangesElements(_ name: String) throws {
    let whole = try Fixture.bytes(name)
    let expected = try #require(Expectations.all.files[name]?.tensors.first?.hex)
    var errors = 0
    let variants = flips(of: whole)
    try tryAll(variants) { result, variant in
      guard case .success(let value) = result else {
        errors += 1
        return
      }
      #expect(value.tensors().map(\.tensor.hex) == [expected], "variant \(variant)")
    }
    #expect(errors > 500)
  }

  @Test(arguments: ["legacy.pt", "without_checksums.pt"])
  func flippedBitsWithoutChecksumsDoNotCrash(_ name: String) throws {
    let whole = try Fixture.bytes(name)
    var outcomes = (values: 0, errors: 0)
    let variants = flips(of: whole)
    try tryAll(variants) { result, _ in
      switch result {
      case .success(let value):
        outcomes.values += 1
        for (_, tensor) in value.tensors() { _ = tensor.hex }
      case .failure: outcomes.errors += 1
      }
    }
    #expect(outcomes.values > 0)
    #expect(outcomes.errors > 0)
  }

  @Test func wrongChecksumIsNamed() throws {
    var bytes = try Fixture.bytes("small.pt")
    let tensor = try TorchFile.loadTensor(path: Fixture.path("small.pt"))
    let elements = tensor.withContiguousBytes { Array($0) }
    let start = try #require(bytes.firstRange(of: elements)?.lowerBound)
    bytes[start] ^= 1
    try Fixture.withFile(bytes) { path in
      let error = #expect(throws: TorchError.self) { try TorchFile.load(path: path) }
      #expect(error?.caseName == "checksumMismatch")
      #expect(error?.description.contains("small/data/0") == true)
    }
  }

  @Test func overlappingEntriesAreRefused() throws {
    // Two directory entries that point to one local header, under one name.
    var bytes = try Fixture.bytes("torch_1_13.pt")
    let first = try #require(bytes.firstRange(of: [0x50, 0x4B, 1, 2])?.lowerBound)
    let name = Array("small/data.pkl".utf8)
    let entry = Array(bytes[first..<first + 46 + name.count])
    bytes.insert(contentsOf: entry, at: first)
    let end = bytes.count - 22
    bytes[end + 8] += 1
    bytes[end + 10] += 1
    bytes[end + 12] += UInt8(entry.count)
    try Fixture.withFile(bytes) { path in
      let error = #expect(throws: TorchError.self) { try TorchFile.load(path: path) }
      #expect(error?.description.contains("occurs twice") == true)
    }
  }

  @Test func entryThatReachesIntoTheNextIsRefused() throws {
    var bytes = try Fixture.bytes("torch_1_13.pt")
    // The pickle's entry is made to span the storage's header: its sizes are 16 bytes larger.
    for signature: [UInt8] in [[0x50, 0x4B, 1, 2], [0x50, 0x4B, 3, 4]] {
      let start = try #require(bytes.firstRange(of: signature)?.lowerBound)
      let sizes = start + (signature[2] == 1 ? 20 : 18)
      bytes[sizes] += 16
      bytes[sizes + 4] += 16
    }
    try Fixture.withFile(bytes) { path in
      let error = #expect(throws: TorchError.self) { try TorchFile.load(path: path) }
      #expect(error?.description.contains("overlap") == true)
    }
  }

  @Test(arguments: ["PK\u{3}\u{4}", "PK\u{5}\u{6}", "\u{1}"])
  func foreignFileIsMalformed(_ text: String) throws {
    try Fixture.withFile(Array(text.utf8)) { path in
      let error = #expect(throws: TorchError.self) { try TorchFile.load(path: path) }
      #expect(error?.caseName == "malformed")
    }
  }

  @Test(arguments: [
    ("", "is empty"), ("{\"type\": \"tensor\"}", "a JSON text, not the file itself"),
  ])
  func whatIsNoFileOfTorchIsNamed(_ text: String, _ reason: String) throws {
    try Fixture.withFile(Array(text.utf8)) { path in
      let error = #expect(throws: TorchError.self) { try TorchFile.load(path: path) }
      #expect(error?.caseName == "unreadable")
      #expect(error?.description.contains(reason) == true)
    }
  }
}
