import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

/// Two random runs that differ in exactly one way, at a random place, in random layouts and under
/// random options: the comparison must say that and nothing else, and never match.
@Suite struct OneDifferenceTests {
  /// How many pairs are made: a short form, and as many as `ASSAY_CASES` says.
  private static let count =
    ProcessInfo.processInfo.environment["ASSAY_CASES"].flatMap(Int.init) ?? 600
  private static let seed =
    ProcessInfo.processInfo.environment["ASSAY_SEED"].flatMap(UInt64.init) ?? 20_261_127

  /// In which way the actual run differs, and what that must come to.
  enum Kind: CaseIterable {
    case none, bit, nan, infinity, shape, dtype, renamedModule, renamedSlot, missing, extra
    case missingCall, missingStep, device, swapped, unreadable
  }

  fileprivate struct Case {
    var actual: RandomRun
    var expected: RandomRun
    /// The verdicts of tensors that do not match.
    var failing: [TensorKey: Verdict] = [:]
    /// A file is made too short, of this tensor.
    var isCut = false
  }

  @Test func everyDifferenceIsFoundAndNoOther() throws {
    let folder = try TemporaryFolder()
    var seen: [Kind: Int] = [:]
    for number in 0..<Self.count {
      let seed = Self.seed &+ UInt64(number)
      do {
        if let kind = try check(seed: seed, in: folder.path) { seen[kind, default: 0] += 1 }
      } catch {
        Issue.record("ASSAY_SEED=\(seed) ASSAY_CASES=1: \(error)")
      }
    }
    if Self.count >= 600 {
      #expect(Kind.allCases.filter { seen[$0, default: 0] < 3 } == [], "\(seen)")
    }
  }

  private struct Wrong: Error, CustomStringConvertible {
    var description: String
  }

  /// Makes a pair and compares it.
  ///
  /// - Returns: In which way it differs; `nil` where the chosen way is none for the chosen tensor.
  private func check(seed: UInt64, in folder: String) throws -> Kind? {
    var generator = SeededGenerator(seed: seed)
    let expected = RandomRun(using: &generator)
    guard let kind = Kind.allCases.randomElement(using: &generator),
      var pair = change(expected, kind, using: &generator)
    else { return nil }
    // Either run may have the difference.
    if Bool.random(using: &generator), !pair.isCut { pair.turnAround() }
    let selection = try select(&pair, using: &generator)
    var options = ComparisonOptions(tolerance: try Tolerance(rtol: 0, atol: 0))
    options.modules = selection
    options.detailLimit = .random(in: 0...3, using: &generator)
    let actual = try layout(pair.actual, "a", folder, using: &generator, isCut: pair.isCut)
    let reference = try layout(pair.expected, "e", folder, using: &generator, isCut: false)
    defer {
      for name in ["a", "e", "a.h5", "e.h5"] {
        try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
      }
    }
    let comparison = try RunComparison.compare(
      actual: actual, expected: reference, options: options)
    var found: [TensorKey: Verdict] = [:]
    for tensor in comparison.steps.flatMap({ $0.modules.flatMap(\.tensors) })
    where tensor.verdict != .match { found[tensor.key] = tensor.verdict }
    guard found == pair.failing else {
      throw Wrong(description: "\(kind): \(found), and it should have been \(pair.failing)")
    }
    guard comparison.isMatch == pair.failing.isEmpty else {
      throw Wrong(description: "\(kind): \(comparison.isMatch ? "a match" : "no match")")
    }
    return kind
  }

  // MARK: - Differences

  private func change(
    _ expected: RandomRun, _ kind: Kind, using generator: inout SeededGenerator
  ) -> Case? {
    var pair = Case(actual: expected, expected: expected)
    guard let at = expected.entries.indices.randomElement(using: &generator) else { return nil }
    let entry = expected.entries[at]
    let element = Int.random(in: 0..<max(entry.elementCount, 1), using: &generator)
    func set(_ bytes: [UInt8], in run: inout RandomRun) {
      let start = element * entry.dtype.byteCount
      run.entries[at].bytes.replaceSubrange(start..<start + bytes.count, with: bytes)
    }
    switch kind {
    case .none: break
    case .bit:
      pair.actual.entries[at].bytes[element * entry.dtype.byteCount] ^= 1
      pair.failing[entry.key] = .values
    case .nan:
      guard let nan = Self.nan[entry.dtype] else { return nil }
      set(nan, in: &pair.actual)
      pair.failing[entry.key] = .values
    case .infinity:
      guard let infinity = Self.infinity[entry.dtype], let last = infinity.last else { return nil }
      set(infinity, in: &pair.actual)
      set(infinity.dropLast() + [last | 0x80], in: &pair.expected)
      pair.failing[entry.key] = .values
    case .shape:
      pair.actual.entries[at].shape.insert(
        1, at: .random(in: 0...entry.shape.count, using: &generator))
      pair.failing[entry.key] = .shape
    case .dtype:
      guard let other = Self.twins[entry.dtype] else { return nil }
      pair.actual.entries[at].dtype = other
      pair.failing[entry.key] = .dtype
    case .renamedModule:
      let calls = expected.entries.indices.filter { expected.entries[$0].module == entry.module }
      // By bytes: two spellings of one name are two modules.
      for position in calls
      where Array(expected.entries[position].module.utf8) == Array(entry.module.utf8) {
        pair.failing[expected.entries[position].key] = .missingInActual
        pair.actual.entries[position].module += "x"
        pair.failing[pair.actual.entries[position].key] = .missingInExpected
      }
    case .renamedSlot:
      pair.failing[entry.key] = .missingInActual
      pair.actual.entries[at].slot += "_x"
      pair.failing[pair.actual.entries[at].key] = .missingInExpected
    case .missing:
      pair.actual.entries.remove(at: at)
      pair.failing[entry.key] = .missingInActual
    case .extra:
      var extra = entry
      extra.slot = "outputs_9"
      pair.actual.entries.append(extra)
      pair.failing[extra.key] = .missingInExpected
    case .missingCall:
      for lost in expected.entries where lost.key.call == entry.key.call {
        pair.failing[lost.key] = .missingInActual
      }
      pair.actual.entries.removeAll { $0.key.call == entry.key.call }
    case .missingStep:
      for lost in expected.entries where lost.step == entry.step {
        pair.failing[lost.key] = .missingInActual
      }
      pair.actual.entries.removeAll { $0.step == entry.step }
    case .device:
      pair.failing[entry.key] = .missingInActual
      pair.actual.entries[at].device = Device("cuda:0")
      pair.failing[pair.actual.entries[at].key] = .missingInExpected
    case .swapped:
      let others = expected.entries.indices.filter {
        let other = expected.entries[$0]
        return other.dtype == entry.dtype && other.shape == entry.shape
          && other.bytes != entry.bytes
      }
      guard let other = others.randomElement(using: &generator) else { return nil }
      pair.actual.entries[at].bytes = expected.entries[other].bytes
      pair.actual.entries[other].bytes = entry.bytes
      pair.failing[entry.key] = .values
      pair.failing[expected.entries[other].key] = .values
    case .unreadable:
      pair.isCut = true
      // The last bytes of a file are those of one tensor, which need not be shared with another.
      return cutLast(pair)
    }
    return pair
  }

  /// The actual run in memory without the bytes of one tensor, as of a file that is gone.
  private func cutLast(_ pair: Case) -> Case? {
    guard let last = pair.actual.entries.last else { return nil }
    var pair = pair
    pair.failing[last.key] = .unreadable
    return pair
  }

  private static let nan: [DType: [UInt8]] = [
    .float64: [0, 0, 0, 0, 0, 0, 0xF8, 0x7F], .float32: [0, 0, 0xC0, 0x7F],
    .bfloat16: [0xC0, 0x7F], .float16: [0, 0x7E], .float8_e4m3fn: [0x7F], .float8_e5m2: [0x7F],
  ]
  private static let infinity: [DType: [UInt8]] = [
    .float64: [0, 0, 0, 0, 0, 0, 0xF0, 0x7F], .float32: [0, 0, 0x80, 0x7F],
    .bfloat16: [0x80, 0x7F], .float16: [0, 0x7C], .float8_e5m2: [0x7C],
  ]
  /// Other dtypes whose elements are as many bytes.
  private static let twins: [DType: DType] = [
    .float64: .int64, .float32: .int32, .float16: .bfloat16, .bfloat16: .float16, .int64: .float64,
    .int32: .float32, .int16: .float16, .float8_e4m3fn: .float8_e5m2, .float8_e5m2: .int8,
    .int8: .uint8, .uint8: .int8,
  ]

  // MARK: - Options and layouts

  /// Chooses modules, of which the failing ones are either all or none.
  private func select(
    _ pair: inout Case, using generator: inout SeededGenerator
  ) throws -> [ModulePattern]? {
    guard Int.random(in: 0..<3, using: &generator) == 0 else { return nil }
    let failing = Set(pair.failing.keys.map { Array($0.module.utf8) })
    let names = (pair.actual.entries + pair.expected.entries).map(\.module)
    let isIn = Bool.random(using: &generator)
    let chosen = names.filter { failing.contains(Array($0.utf8)) == isIn }
    guard let any = chosen.randomElement(using: &generator) else { return nil }
    var patterns = [any]
    if isIn { patterns = pair.failing.keys.map(\.module) }
    if !isIn { pair.failing = [:] }
    return try patterns.map {
      try ModulePattern("^" + NSRegularExpression.escapedPattern(for: $0) + "$")
    }
  }

  /// The run in memory, as a directory or in HDF5.
  private func layout(
    _ run: RandomRun, _ name: String, _ folder: String, using generator: inout SeededGenerator,
    isCut: Bool
  ) throws -> any RunReader {
    var memory = try run.reader(path: name)
    if isCut, let last = run.entries.last { memory.lose(last.key) }
    let manifest = RunManifest(id: name)
    switch isCut ? 0 : Int.random(in: 0..<3, using: &generator) {
    case 0: return memory
    case 1:
      let path = "\(folder)/\(name)"
      try copyRun(
        from: memory, to: try DirectoryRunWriter(path: path, manifest: manifest),
        manifest: manifest)
      return try openRun(at: path)
    default:
      let path = "\(folder)/\(name).h5"
      try copyRun(
        from: memory, to: try HDF5RunWriter(path: path, mode: .golden, manifest: manifest),
        manifest: manifest)
      return try openRun(at: path)
    }
  }
}

extension OneDifferenceTests.Case {
  /// Makes the actual run the expected one.
  fileprivate mutating func turnAround() {
    (actual, expected) = (expected, actual)
    failing = failing.mapValues { verdict in
      switch verdict {
      case .missingInActual: .missingInExpected
      case .missingInExpected: .missingInActual
      default: verdict
      }
    }
  }
}

/// A folder that is gone with the value.
private final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
