import AssayRuns
import AssayTensors
import Foundation
import Testing

/// Damaged and malicious files: an error with a sentence, and never a crash or other values.
@Suite struct HostileNumPyTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func file(_ data: Data, _ name: String = "x.npy") throws -> String {
    let path = folder.path + "/" + name
    try data.write(to: URL(filePath: path))
    return path
  }

  private func npy(
    _ header: String, data count: Int = 24, version: [UInt8] = [1, 0]
  ) -> Data {
    let length =
      version[0] == 1
      ? withUnsafeBytes(of: UInt16(header.utf8.count).littleEndian) { Data($0) }
      : withUnsafeBytes(of: UInt32(header.utf8.count).littleEndian) { Data($0) }
    return Data([0x93] + Array("NUMPY".utf8) + version) + length + Data(header.utf8)
      + Data(count: count)
  }

  @Test(arguments: [
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", nil),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}   \n", nil),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (6,)}", nil),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (7,)}", "takes 28"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}", "takes 20"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", "takes 4"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (6)}", "no tuple"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}", "no number"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "no number"),
    (
      "{'descr': '<f4', 'fortran_order': True, 'shape': (4294967296, 4294967296, 0)}",
      "invalid shape"
    ),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (281474976710655,)}", "bytes stand"),
    ("{'descr': '<f4', 'fortran_order': False}", "lacks"),
    ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (6,)}", "twice"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'x': 1}", "not known"),
    ("{'descr': '<f4', 'fortran_order': 0, 'shape': (6,)}", "neither True"),
    ("{'descr': '|f4', 'fortran_order': False, 'shape': (6,)}", "which byte"),
    ("{'descr': '=f4', 'fortran_order': False, 'shape': (6,)}", "not supported"),
    ("{'descr': 'bfloat16', 'fortran_order': False, 'shape': (12,)}", "not supported"),
    ("{'descr': '>V2', 'fortran_order': False, 'shape': (12,)}", "what the bytes mean"),
    ("{'descr': '<f1', 'fortran_order': False, 'shape': (24,)}", "what the bytes mean"),
    ("{'descr': '<f\\x34', 'fortran_order': False, 'shape': (6,)}", "escape"),
    ("{'descr': '<f4, 'fortran_order': False, 'shape': (6,)}", "not supported"),
    ("{'descr': '<f4', 'fortran_order: False, 'shape': (6,)}", "its header has"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} {}", "more than one"),
    ("{'descr': __import__('os'), 'fortran_order': False, 'shape': (6,)}", "fields"),
    ("", "its header has"), ("{", "its header has"), ("{'descr'", "its header has"),
  ])
  func headersAreReadOrRefused(_ header: String, _ reason: String?) throws {
    for version in [[1, 0], [2, 0], [3, 0]] as [[UInt8]] {
      let path = try file(npy(header, version: version))
      guard let reason else {
        #expect(try read(path) == 64)
        continue
      }
      let error = #expect(throws: RunError.self) { try read(path) }
      #expect(error.map { "\($0)".contains(reason) } == true, "\(error.map { "\($0)" } ?? "")")
    }
  }

  @Test func otherVersionsAreRefused() throws {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (6,)}"
    for version in [[0, 0], [1, 1], [4, 0]] as [[UInt8]] {
      let path = try file(npy(header, version: version))
      #expect(throws: RunError.self) { try read(path) }
    }
  }

  @Test(arguments: ["versions.npz", "alone.npy", "mlx.npz", "mlx.safetensors"])
  func cutAnywhereAFileIsRefused(_ name: String) throws {
    let data = try FixtureFile.data(name)
    for count in 0..<data.count {
      let path = try file(data.prefix(count), name)
      #expect(throws: RunError.self, "\(count) bytes") { try read(path) }
    }
  }

  /// A flipped bit is refused, or lies where nothing is said: no value of an archive may differ.
  @Test func aFlippedBitNeverGivesOtherValues() throws {
    let data = try FixtureFile.data("versions.npz")
    let hashes = try contents(of: FixtureFile.path("versions.npz"))
    for position in data.indices {
      var damaged = data
      damaged[position] ^= 1 << (position % 8)
      let path = try file(damaged, "flipped.npz")
      guard let found = try? contents(of: path) else { continue }
      for (key, hash) in found where hash != nil {
        let expected = hashes.first { $0.key == key }?.value
        // A name that is flipped alike in both places would be another key; one place is refused.
        #expect(expected == hash, "byte \(position), \(key)")
      }
    }
  }

  /// The hash of each tensor; `nil` for one that cannot be read.
  private func contents(of path: String) throws -> [(key: TensorKey, value: String?)] {
    let run = try openRun(at: path)
    return run.keys.map { ($0, try? run.tensor($0).contentHash) }
  }

  @Test func aMemberThatIsNoArrayIsUnreadable() throws {
    // Stored, as Python's zipfile writes it: a text that has no ending of an array.
    let path = try file(ZipBytes.archive([("readme", Data("hello".utf8))]), "text.npz")
    let run = try openRun(at: path)
    #expect(run.keys.map(\.module) == ["readme"])
    #expect(throws: RunError.self) { try run.tensor(run.keys[0]) }
  }

  @Test func twoNamesOfOneArrayAreAnError() throws {
    let array = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (24,)}")
    let path = try file(ZipBytes.archive([("a.npy", array), ("a", array)]), "two.npz")
    let error = #expect(throws: RunError.self) { try openRun(at: path) }
    #expect(error.map { "\($0)".contains("rename one of them") } == true)
    let empty = try file(ZipBytes.archive([(".npy", array)]), "empty.npz")
    #expect(try openRun(at: empty).keys.map(\.module) == [".npy"])
  }
}
