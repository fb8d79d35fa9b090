import AssayBase
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// Runs as other programs keep them (`Fixtures/make_foreign_runs.py`), damaged at random.
///
/// libhdf5 crashes on some of them, which must not be seen here but as a sentence.
@Suite(.serialized) struct HDF5DamageTests {
  private let folder: HDF5TemporaryFolder

  init() throws { folder = try HDF5TemporaryFolder() }

  private static let names = [
    "layouts-earliest", "layouts-v110", "names-earliest", "names-v110", "virtual", "source",
  ]

  private static func number(_ variable: String) -> Int? {
    ProcessInfo.processInfo.environment[variable].flatMap { Int($0) }
  }

  /// How many files of each kind there are, and from which seed on, in a check by hand.
  private static let count = number("ASSAY_FOREIGN_MUTANTS")
  private static let seed = number("ASSAY_FOREIGN_SEED") ?? 1
  /// Where mutants are kept on which libhdf5 did worse than to refuse.
  private static let kept = ProcessInfo.processInfo.environment["ASSAY_FOREIGN_KEEP"]

  @Test(arguments: [
    ("layouts-earliest", 38), ("layouts-v110", 38), ("names-earliest", 24), ("names-v110", 24),
    ("virtual", 1),
  ])
  func soundOnesAreRead(_ name: String, _ count: Int) throws {
    let reader = try HDF5RunReader(
      path: HDF5Fixture.path("foreign/\(name).h5"), by: .library, readsVirtual: true)
    let records = reader.steps.flatMap(\.calls).flatMap(\.tensors)
    #expect(records.count { $0.skipped == nil } == count)
    for record in records where record.key.call.module != "others" && record.skipped == nil {
      let tensor = try reader.tensor(record.key)
      if tensor.dtype == .float32 {
        #expect(tensor.float32Values() == (0..<600).map(Float.init), "\(record.key)")
      }
    }
  }

  /// What needs more memory than a file of this size may take is an error of that tensor alone.
  @Test(arguments: ["lzf", "plain"])
  func memoryIsBounded(_ name: String) throws {
    let path = folder.path("large.h5")
    try FileManager.default.copyItem(
      atPath: HDF5Fixture.path("foreign/large-chunk-\(name).h5"), toPath: path)
    #expect(truncate(path, 2 << 20) == 0)
    let reader = try HDF5RunReader(path: path, by: .library)
    let keys = reader.steps.flatMap(\.calls).flatMap(\.tensors).map(\.key)
    try #require(keys.map(\.call.module) == ["m", "n"])
    let error = #expect(throws: RunError.self) { try reader.tensor(keys[0]) }
    #expect(error?.description.contains("1200000000 bytes at once") == true, "\(error)")
    #expect(try reader.tensor(keys[1]).float32Values() == (0..<8).map(Float.init))
  }

  @Test(arguments: names)
  func damageIsAnAnswerOrASentence(_ name: String) throws {
    let whole = try Data(contentsOf: URL(filePath: HDF5Fixture.path("foreign/\(name).h5")))
    for other in ["virtual", "source"] {
      try FileManager.default.copyItem(
        atPath: HDF5Fixture.path("foreign/\(other).h5"), toPath: folder.path("\(other).h5"))
    }
    // A damaged source is met by what refers to it.
    let isSource = name == "source"
    let path = folder.path(isSource ? "source.h5" : "\(name).h5")
    let read = isSource ? folder.path("virtual.h5") : path
    var tally: [Outcome: Int] = [:]
    var (slowest, tensorCount) = (Duration.zero, 0)
    for seed in Self.seed..<Self.seed + (Self.count ?? 40) {
      var damage = Damage(seed: UInt64(seed))
      try? FileManager.default.removeItem(atPath: path)
      try damage.mutant(of: whole).write(to: URL(filePath: path))
      let start = ContinuousClock.now
      let outcomes = Self.outcomes(of: read)
      slowest = max(slowest, start.duration(to: .now))
      tensorCount += outcomes.count - 1
      // The worst of it stands for the file.
      let worst = outcomes.max() ?? .answered
      tally[worst, default: 0] += 1
      #expect(worst < .nonsense, "\(name) with the seed \(seed): \(worst)")
      if let kept = Self.kept, worst > .refused {
        let place = "\(kept)/\(name)-\(seed)-\(worst).h5"
        try? FileManager.default.copyItem(atPath: path, toPath: place)
      }
    }
    if Self.count != nil {
      let figures = tally.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      print(
        "\(name), seeds from \(Self.seed): \(figures.joined(separator: ", ")); "
          + "\(tensorCount) tensors read, the slowest file took \(slowest), peak \(Self.peak())")
    }
  }

  /// What became of a file, the better first.
  private enum Outcome: Int, Comparable {
    case answered, refused, limited, silent, crashed, nonsense, lost

    static func < (left: Outcome, right: Outcome) -> Bool { left.rawValue < right.rawValue }

    init(_ text: String) {
      self =
        if text.contains("libhdf5 crashed") || text.contains("not asked any more") {
          .crashed
        } else if text.contains("processor time") {
          .limited
        } else if text.contains("answered nonsense") {
          .nonsense
        } else if text.contains("gave no answer") {
          .silent
        } else if text.contains("process in which") {
          .lost
        } else {
          .refused
        }
    }
  }

  /// Of the file, and of each tensor that was read.
  private static func outcomes(of path: String) -> [Outcome] {
    do {
      let reader = try HDF5RunReader(path: path, by: .library, readsVirtual: true)
      let records = reader.steps.flatMap(\.calls).flatMap(\.tensors)
      return [.answered]
        + records.filter { $0.skipped == nil }.map { record in
          do {
            _ = try reader.tensor(record.key)
            return .answered
          } catch {
            return Outcome("\(error)")
          }
        }
    } catch {
      return [Outcome("\(error)")]
    }
  }

  /// The most memory that this process has had.
  private static func peak() -> String {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    return status.split(separator: "\n").first { $0.hasPrefix("VmHWM") }.map(String.init) ?? "?"
  }
}

/// Damages a file, the same way for the same seed.
private struct Damage: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x5851_F42D_4C95_7F2D }

  // SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Numbers that sizes and addresses are often compared with.
  private static let awkward: [UInt8] = [0, 1, 2, 7, 8, 127, 128, 254, 255]

  mutating func mutant(of whole: Data) -> Data {
    var bytes = [UInt8](whole)
    for _ in 0..<Int.random(in: 1...6, using: &self) {
      let place = place(in: bytes)
      switch Int.random(in: 0..<12, using: &self) {
      case 0: bytes.removeLast(bytes.count - place - 1)
      case 1:
        // Something of another place: a structure, an address or a size that means something.
        let from = self.place(in: bytes)
        let count = min(Int.random(in: 1...64, using: &self), bytes.count - max(place, from))
        bytes.replaceSubrange(place..<place + count, with: Array(bytes[from..<from + count]))
      case 2:
        let value = UInt8.random(in: 0...255, using: &self)
        for index in place..<min(place + Int.random(in: 1...16, using: &self), bytes.count) {
          bytes[index] = value
        }
      case 3...6: bytes[place] = Self.awkward.randomElement(using: &self) ?? 0
      case 7: bytes[place] &+= 1
      case 8: bytes[place] &-= 1
      default: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &self)
      }
    }
    return Data(bytes)
  }

  /// A place, most often one where there is something.
  private mutating func place(in bytes: [UInt8]) -> Int {
    for _ in 0..<8 {
      let place = Int.random(in: 0..<bytes.count, using: &self)
      if bytes[place] != 0 { return place }
    }
    return Int.random(in: 0..<bytes.count, using: &self)
  }
}
