import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Synchronization
import Testing

/// Two random runs that differ in exactly one way, or in none, at a random place, in random layouts
/// and under random options: the comparison must say that and nothing else.
///
/// `ASSAY_CASES` says how many, `ASSAY_SEED` which ones and `ASSAY_CASE` that only one is made.
@Suite struct OneDifferenceTests {
  private static let cases = RandomCases(standard: 600, seed: 20_261_127)

  @Test func everyDifferenceIsFoundAndNoOther() throws {
    let counts = Self.cases.check { generator, folder in
      guard var pair = OneDifference(using: &generator) else { return nil }
      return try check(&pair, in: folder, using: &generator)
    }
    guard Self.cases.count >= 600 else { return }
    for kind in OneDifference.Kind.allCases {
      #expect(counts.contains { $0.key.hasPrefix("\(kind.rawValue) ") }, "\(kind)")
    }
  }

  /// - Returns: What was compared, and in which layouts.
  private func check(
    _ pair: inout OneDifference, in folder: String, using generator: inout CaseGenerator
  ) throws -> String {
    let layouts = [true, false].map { pair.layout(using: &generator, isActual: $0) }
    let name =
      "\(pair.kind.rawValue) \(pair.matches ? "green" : "red")"
      + " \(layouts[0].rawValue)/\(layouts[1].rawValue)"
    let options = try ComparisonOptions(
      pair.options, detailLimit: .random(in: 0...3, using: &generator))
    let expected = try pair.openExpected(as: layouts[1], in: folder)
    let actual: any RunReader
    do {
      actual = try pair.openActual(as: layouts[0], in: folder, using: &generator)
    } catch  where pair.isCut {
      return name
    }
    let comparison = try compare(actual, expected, options, using: &generator)
    var found: [TensorKey: String] = [:]
    for tensor in comparison.steps.flatMap({ $0.modules.flatMap(\.tensors) })
    where tensor.verdict != .match { found[tensor.key] = tensor.verdict.rawValue }
    if pair.kind == .cutTensorFile {
      guard found.map(\.value) == ["unreadable"] else { throw Wrong("\(name): \(found)") }
    } else if !pair.isCut {
      guard found == pair.failing else {
        throw Wrong("\(name): \(found), and it should have been \(pair.failing); \(pair.options)")
      }
    }
    guard comparison.isMatch == pair.matches else {
      throw Wrong("\(name): \(comparison.failures), \(pair.options)")
    }
    return name
  }

  /// Compares at once, or in shards that are merged.
  private func compare(
    _ actual: any RunReader, _ expected: any RunReader, _ options: ComparisonOptions,
    using generator: inout CaseGenerator
  ) throws -> RunComparison {
    guard Int.random(in: 0..<4, using: &generator) == 0 else {
      return try RunComparison.compare(actual: actual, expected: expected, options: options)
    }
    let count = Int.random(in: 1...5, using: &generator)
    let work = ShardedWork(
      try ComparisonWork(actual: actual, expected: expected, options: options), count: count)
    let parts = try (1...count).map { try work.part($0) }.shuffled(using: &generator)
    return try work.comparison(of: PartialComparison(merging: parts, path: "all"))
  }
}

extension ComparisonOptions {
  fileprivate init(_ options: JudgingOptions, detailLimit: Int) throws {
    var tolerance: Tolerance =
      switch options.tolerance {
      case .bounds(let bounds): try Tolerance(rtol: bounds.rtol, atol: bounds.atol)
      case .torch: .torch
      case .rules(let yaml): .rules(try ToleranceRules(yaml: yaml))
      }
    if options.equalNaN { tolerance.equalNaN = true }
    self.init(
      tolerance: tolerance, steps: options.steps,
      modules: try options.modules.map { try $0.map { try ModulePattern($0) } },
      deviceMap: options.deviceMap.map { [(Device($0.actual), Device($0.expected))] } ?? [],
      mapping: try options.mapping.map { try Mapping(yaml: $0) })
    self.detailLimit = detailLimit
  }
}
