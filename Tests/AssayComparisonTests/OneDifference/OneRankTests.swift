import AssayBase
import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

/// A random run, and the same spread over two ranks of which one differs in exactly one way.
@Suite struct OneRankTests {
  private static let cases = RandomCases(standard: 400, seed: 20_261_128)

  /// In which way a rank differs.
  private enum Kind: CaseIterable {
    case none, bit, missing, swappedRanks, undeclared
  }

  /// A module and a slot, which have one placement.
  private struct Name: Hashable {
    var module: [UInt8]
    var slot: String

    init(_ entry: RandomRun.Entry) {
      module = Array(entry.module.utf8)
      slot = entry.slot
    }
  }

  @Test func everyDifferenceOfARankIsFoundAndNoOther() {
    let counts = Self.cases.check { generator, _ in
      try check(using: &generator).map { "\($0)" }
    }
    guard Self.cases.count >= 400 else { return }
    for kind in Kind.allCases { #expect(counts["\(kind)", default: 0] > 2, "\(kind)") }
  }

  private func check(using generator: inout CaseGenerator) throws -> Kind? {
    let whole = RandomRun(using: &generator)
    guard let kind = Kind.allCases.randomElement(using: &generator),
      let at = whole.entries.indices.randomElement(using: &generator)
    else { return nil }
    // What some call has as a scalar, or of one column, cannot be cut.
    let grouped = Dictionary(grouping: whole.entries, by: Name.init)
    let cut = Set(
      grouped.filter { $0.value.allSatisfy { $0.shape.last ?? 0 > 1 } }.keys
        .filter { _ in Bool.random(using: &generator) })
    var ranks = (0..<2).map { rank in
      var run = whole
      for position in run.entries.indices where cut.contains(Name(run.entries[position])) {
        run.entries[position].keepColumns(ofRank: rank)
      }
      return run
    }
    let entry = whole.entries[at]
    let isCut = cut.contains(Name(entry))
    var failing: [TensorKey: Verdict] = [:]
    var undeclared: Name?
    switch kind {
    case .none: break
    case .bit:
      let rank = Int.random(in: 0..<2, using: &generator)
      let count = ranks[rank].entries[at].elementCount
      let element = Int.random(in: 0..<count, using: &generator)
      ranks[rank].entries[at].bytes[element * entry.dtype.byteCount] ^= 1
      failing[entry.key] = isCut ? .values : .replicas
    case .missing:
      // A rank without the whole step would be none of the group.
      guard whole.entries.count(where: { $0.step == entry.step }) > 1 else { return nil }
      ranks[Int.random(in: 0..<2, using: &generator)].entries.remove(at: at)
      failing[entry.key] = .placement
    case .swappedRanks:
      let (first, second) = (ranks[0].entries[at], ranks[1].entries[at])
      // Parts of one value, however they are cut, are the same whole.
      guard isCut, second.joined(with: first) != entry.bytes else { return nil }
      (ranks[0].entries[at], ranks[1].entries[at]) = (second, first)
      failing[entry.key] = .placement
    case .undeclared:
      undeclared = Name(entry)
      for other in whole.entries where Name(other) == Name(entry) {
        failing[other.key] = .placement
      }
    }
    let group = try group(ranks, names: Set(grouped.keys), cut: cut, besides: undeclared)
    let comparison = try RunComparison.compare(
      actual: group, expected: whole.reader(path: "whole"),
      options: ComparisonOptions(tolerance: try Tolerance(rtol: 0, atol: 0)))
    var found: [TensorKey: Verdict] = [:]
    for tensor in comparison.steps.flatMap({ $0.modules.flatMap(\.tensors) })
    where tensor.verdict != .match { found[tensor.key] = tensor.verdict }
    guard found == failing, comparison.isMatch == failing.isEmpty else {
      throw Wrong("\(kind): \(found), and it should have been \(failing)")
    }
    return kind
  }

  private func group(
    _ ranks: [RandomRun], names: Set<Name>, cut: Set<Name>, besides undeclared: Name?
  ) throws -> RankGroup {
    let rules = names.filter { $0 != undeclared }.map { name -> JSONValue in
      let module = String(decoding: name.module, as: UTF8.self)
      return .object([
        "module": .string(NSRegularExpression.escapedPattern(for: module)),
        "slot": .string(name.slot),
        "tp": cut.contains(name) ? .object(["shard": .integer(-1)]) : .string("replicate"),
      ])
    }
    let json = JSONValue.object([
      "mesh": .array([.object(["tp": .integer(2)])]),
      // One rule there is always, which here matches nothing.
      "rules": .array(
        rules + [.object(["module": .string("nothing"), "tp": .string("replicate")])]),
    ])
    let placements = String(decoding: json.encoded(), as: UTF8.self)
    let runs = try ranks.enumerated().map { rank, run in
      try run.added(
        to: InMemoryRun(rank: rank, of: ranks.count, placements: placements))
    }
    return try RankGroup(path: "group", unordered: runs, placements: nil)
  }
}

extension RandomRun.Entry {
  /// The bytes of both, side by side.
  fileprivate func joined(with other: Self) -> [UInt8] {
    let size = dtype.byteCount
    let (width, next) = ((shape.last ?? 0) * size, (other.shape.last ?? 0) * size)
    var joined: [UInt8] = []
    for row in 0..<bytes.count / width {
      joined += bytes[row * width..<(row + 1) * width]
      joined += other.bytes[row * next..<(row + 1) * next]
    }
    return joined
  }

  /// Keeps the columns of one of two ranks, of which the first has one more of an odd number.
  fileprivate mutating func keepColumns(ofRank rank: Int) {
    guard let width = shape.last else { return }
    let middle = (width + 1) / 2
    let columns = rank == 0 ? 0..<middle : middle..<width
    let size = dtype.byteCount
    bytes = (0..<elementCount / width).flatMap { row in
      bytes[(row * width + columns.lowerBound) * size..<(row * width + columns.upperBound) * size]
    }
    shape[shape.count - 1] = columns.count
  }
}
