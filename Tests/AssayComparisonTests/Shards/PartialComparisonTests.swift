import AssayBase
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

@testable import AssayComparison

/// Parts keep every figure to the bit, and what is no part of the comparison is refused.
@Suite struct PartialComparisonTests {
  private func work(
    layers: Int = 6, count: Int = 3, id: String = "run", request: [String] = []
  ) throws -> ShardedWork {
    var (actual, expected) = (InMemoryRun(path: "a", id: id), InMemoryRun(path: "e"))
    for layer in 0..<layers {
      let values = (0..<8).map { Float($0 + layer) }
      actual.add(try rows(values.map { $0 + (layer == 4 ? 0.5 : 0) }), "l.\(layer)", "outputs")
      expected.add(try rows(values), "l.\(layer)", "outputs")
    }
    return ShardedWork(
      try ComparisonWork(actual: actual, expected: expected, options: .init()), count: count,
      request: request)
  }

  private func parts(_ work: ShardedWork) throws -> [PartialComparison] {
    try (1...work.shards.count).map { shard in
      var part = try work.part(shard)
      part.path = "part-\(shard)"
      return part
    }
  }

  private func reason(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func figuresSurviveToTheBit() throws {
    var difference = Difference()
    let values = [
      -0.0, .nan, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0.1,
      1.0 / 3, -5e-324, 1e23, 9_007_199_254_740_993, 123_456_789_012_345_680,
    ]
    var generator = CaseGenerator(seed: 3, case: 0)
    let random = (0..<300).map { _ in Double(bitPattern: generator.next()) }
    for value in values + random {
      difference.meanAbs = value
      difference.minimumAtol = value
      difference.maxULP = .init(distance: value.bitPattern, index: 3)
      difference.logits = LogitsDifference()
      difference.logits?.topKAgreement = [5: value, 10: -value]
      difference.floor = FloorFigures(candidate: Difference(), floor: Difference())
      difference.floor?.l2Ratio = value
      difference.expectedStatistics.min = value
      let form = TensorForm(dtype: .bfloat16, shape: try Shape([2, 0, 3]))
      let outcome = Outcome.compared(form, difference, .mismatch(reason: "\"\n\u{0}é e\u{301}"))
      var part = try parts(work())[0]
      part.results = [.init(pair: 0, outcome: outcome)]
      let read = try #require(PartialComparison(part.data(), path: "p").results.first?.outcome)
      let found = try #require(read.difference)
      #expect(read.form == form)
      #expect(Array(try #require(read.reason).utf8) == Array("\"\n\u{0}é e\u{301}".utf8))
      for (ours, theirs) in [
        (found.meanAbs, value), (found.minimumAtol, value), (found.floor?.l2Ratio, value),
        (found.expectedStatistics.min, value), (found.logits?.topKAgreement[5], value),
        (found.logits?.topKAgreement[10], -value),
      ] {
        let ours = try #require(ours)
        // Which NaN it is no report tells.
        #expect(ours.bitPattern == theirs.bitPattern || ours.isNaN && theirs.isNaN)
      }
      #expect(found.maxULP?.distance == value.bitPattern)
      #expect(found.maxAbs == nil && found.actualStatistics.min == nil)
    }
  }

  @Test func everyOutcomeSurvives() throws {
    let form = TensorForm(dtype: .float32, shape: try Shape([3]))
    var estimate = DigestEstimate(
      isEqual: false, elementCount: 3, actualStatistics: TensorStatistics(),
      expectedStatistics: TensorStatistics())
    estimate.norm = .init(value: 1, lower: 0.5, upper: .infinity)
    estimate.sample = Difference()
    let detail = TensorDetail(
      quantiles: [1], histogram: ErrorHistogram(counts: [2]),
      heatmap: ErrorHeatmap(slice: [0], rowCount: 1, columnCount: 1, cells: [[.infinity]]),
      rows: [RowError(error: 0.5, mismatchedCount: 1)])
    let outcomes: [Outcome] = [
      .compared(form, Difference(), .match, detail), .estimated(form, estimate, .match),
      .reshaped(form, reason: "r"), .retyped(form, reason: "r", Difference(), detail),
      .retyped(form, reason: "r"), .missingInActual(nil, reason: "r"),
      .missingInExpected(form, reason: "r"), .unreadable(reason: "r"), .notRecorded(reason: "r"),
      .notComputed(form, reason: "r"), .skipped(form, reason: "r"),
      .misplaced(nil, reason: "r"), .misplaced(form, reason: "r"), .differingReplicas(reason: "r"),
    ]
    var part = try parts(work())[0]
    part.rowLists = [
      RowList(
        [Row(request: 1, position: 2, occurrence: 3)], lacking: [Row(request: 4, position: 5)])
    ]
    part.results = outcomes.enumerated().map { .init(pair: $0, outcome: $1, rows: 0) }
    let read = try PartialComparison(part.data(), path: "p")
    #expect(read.results.map(\.outcome) == outcomes)
    #expect(read.rowLists == part.rowLists)
    #expect(read.shards == [1] && read.head == part.head)
  }

  @Test func shardsHoldEveryPairOnceAndTakeAboutAsLong() throws {
    for count in [1, 2, 7, 100, 130] {
      let work = try work(layers: 100, count: count)
      let shards = work.shards
      #expect(shards.count == count)
      #expect(shards.flatMap { Array($0) } == Array(0..<100))
      #expect(Set(work.shardsBySize) == Set(1...count))
      let sizes = shards.map(\.count)
      #expect(try #require(sizes.max()) - sizes.reduce(100, min) <= 1)
    }
  }

  /// A run that tells how large its tensors are.
  private struct SizedRun: RunReader {
    var run: InMemoryRun
    var sizes: [String: Int]
    var path: String { run.path }
    var manifest: RunManifest { run.manifest }
    var steps: [StepRecord] { run.steps }
    func tensor(_ key: TensorKey) throws -> Tensor { try run.tensor(key) }
    func byteCount(of key: TensorKey) -> Int? { sizes[key.module] }
  }

  @Test func largeTensorsCountForMore() throws {
    var run = InMemoryRun(path: "r")
    for layer in 0..<10 { run.add(try rows([1, 2]), "l.\(layer)", "outputs") }
    let sized = SizedRun(run: run, sizes: ["l.0": 9 << 30, "l.1": 1 << 30, "l.9": 8 << 30])
    let work = try ComparisonWork(actual: sized, expected: sized, options: .init())
    #expect(ShardedWork(work, count: 2).shards == [0..<1, 1..<10])
    #expect(ShardedWork(work, count: 3).shardsBySize.first == 1)
  }

  @Test func missingDoubledAndForeignPartsAreRefused() throws {
    let work = try work()
    let all = try parts(work)
    func merge(_ parts: [PartialComparison]) -> String {
      reason {
        _ = try work.comparison(of: PartialComparison(merging: parts, path: "all"))
      }
    }
    #expect(merge(all) == "no error")
    #expect(merge([all[0], all[2]]).contains("shard 2 of 3 is in no part"))
    #expect(merge([all[1]]).contains("shards 1, 3 of 3 are in no part"))
    #expect(
      merge(all + [all[1]])
        == "part-2 cannot be merged: it holds shard 2 of 3, which was given before")
    var copy = all[1]
    copy.path = "copy"
    #expect(
      merge(all + [copy]) == "copy cannot be merged: it holds shard 2 of 3, which part-2 holds too")
    let others: [(ShardedWork, String)] = [
      (try self.work(id: "other"), "its actual run is a, run other, and that of part-1 is a"),
      (try self.work(layers: 7), "the actual run, a, held other tensors when"),
      (try self.work(count: 4), "it is of 4 shards, and part-1 of 3"),
      (try self.work(request: ["--rtol=1"]), "of part-1 --rtol is not given, of this part 1"),
    ]
    for (other, text) in others {
      let foreign = try parts(other)[1]
      let found = merge([all[0], foreign, all[2]])
      #expect(found.contains(text), "\(found)")
    }
    var old = all[1]
    old.head.assay = "0.0.1"
    #expect(merge([all[0], old, all[2]]).contains("it was made by Assay 0.0.1"))
    var files = all[1]
    files.head.files = ["tolerances.yml": "00"]
    #expect(merge([all[0], files, all[2]]).contains("tolerances.yml was another file"))
    // All agree with each other, but not with what the merge finds.
    let changed = try self.work(layers: 7)
    #expect(
      reason {
        _ = try changed.comparison(of: PartialComparison(merging: all, path: "all"))
      }.contains("held other tensors"))
    var short = all
    short[0].results.removeLast()
    #expect(merge(short).contains("does not hold every pair of its shards once"))
    var twice = all
    twice[0].results.append(twice[1].results[0])
    #expect(merge(twice).contains("does not hold every pair of its shards once"))
  }

  /// Of runs that are compared by rows it counts which tokens the rows are.
  @Test func partsOfOtherRowsAreRefused() throws {
    func work(_ requests: [Int]) throws -> ShardedWork {
      var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
      for step in 0..<2 {
        actual.add(try rows([1, 2]), step: step, "m", "outputs")
        expected.add(try rows([1, 2]), step: step, "m", "outputs")
        actual.tell(.init(request: requests[step], positions: 0..<1), ofStep: step)
        expected.tell(.init(request: step, positions: 0..<1), ofStep: step)
      }
      var options = ComparisonOptions()
      options.alignment = .rows
      return ShardedWork(
        try ComparisonWork(actual: actual, expected: expected, options: options), count: 2)
    }
    let (straight, crossed) = (try parts(work([0, 1])), try parts(work([1, 0])))
    let found = reason {
      _ = try PartialComparison(merging: [straight[0], crossed[1]], path: "all")
    }
    #expect(found.contains("the actual run, a, held other tensors when"), "\(found)")
  }

  @Test func figuresThatNoTensorHasAreRefused() throws {
    let work = try work()
    let good = try PartialComparison(merging: try parts(work), path: "all")
    func found(_ change: (inout PartialComparison.Result) -> Void) -> String {
      var part = good
      change(&part.results[4])
      return reason { _ = try work.comparison(of: part) }
    }
    #expect(found { _ in } == "no error")
    let form = TensorForm(dtype: .float32, shape: .vector(8))
    func compared(_ change: (inout Difference) -> Void) -> String {
      var difference = Difference()
      difference.elementCount = 8
      change(&difference)
      return found { $0.outcome = .compared(form, difference, .match) }
    }
    #expect(compared { _ in } == "no error")
    #expect(compared { $0.elementCount = .max }.contains("contradicts itself"))
    #expect(compared { $0.mismatchedCount = -1 }.contains("contradicts itself"))
    #expect(compared { $0.firstMismatchIndex = 8 }.contains("contradicts itself"))
    #expect(compared { $0.worstRow = .init(value: 1, row: -1) }.contains("contradicts itself"))
    // Sums of such counts are no numbers.
    #expect(compared { $0.actualStatistics.nanCount = .max }.contains("contradicts itself"))
    #expect(
      compared {
        $0.expectedStatistics.nanCount = 4
        $0.expectedStatistics.infCount = 5
      }.contains("contradicts itself"))
    #expect(
      found { $0.actual = .init(taken: .max, total: .max) }.contains("contradicts itself"))
    #expect(found { $0.expected = .init(taken: 3, total: 2) }.contains("contradicts itself"))
    #expect(
      found { $0.ruling = .init(rule: 0, isUnmatched: false, isExact: false) }
        .contains("contradicts itself"))
  }

  @Test func damagedFilesAreRefused() throws {
    let data = try parts(work())[1].data()
    func found(_ data: Data) -> String { reason { _ = try PartialComparison(data, path: "p") } }
    #expect(found(data) == "no error")
    #expect(found(Data()).contains("p cannot be merged: it is no part of a comparison"))
    #expect(found(Data("{}\n".utf8)).contains("it is no part of a comparison"))
    let text = String(decoding: data, as: UTF8.self)
    #expect(
      found(Data(text.replacing("assay.partial/1", with: "assay.partial/2").utf8))
        .contains("its schema is \"assay.partial/2\""))
    for count in [1, 2, 70, 200] {
      #expect(found(data.dropLast(count)).contains("it was cut"))
    }
    // Every byte counts; a change of the first line may make it no part at all.
    for position in stride(from: 0, to: data.count, by: 7) {
      var other = data
      other[position] ^= 1
      #expect(found(other) != "no error", "byte \(position)")
    }
  }

  @Test func forgedFilesAreRefused() throws {
    let data = try parts(work())[1].data()
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    /// A file whose hash is right.
    func forged(_ change: (inout [String]) -> Void) -> String {
      var forged = Array(lines.dropLast())
      change(&forged)
      let text = forged.map { $0 + "\n" }.joined()
      let hash = SHA256.hash(Array(text.utf8)).hexadecimal
      return reason {
        _ = try PartialComparison(
          Data((text + "{\"sha256\":\"\(hash)\"}\n").utf8), path: "p")
      }
    }
    #expect(forged { _ in } == "no error")
    #expect(forged { $0.removeLast() }.contains("another number of lines"))
    #expect(forged { $0.append("{}") }.contains("another number of lines"))
    #expect(forged { $0[1] = "{}" }.contains("line 2 cannot be read: "))
    #expect(forged { $0[1] = "{\"pair\":-1" }.contains("line 2 cannot be read: "))
    for (old, new, text) in [
      ("\"shards\":[2]", "\"shards\":[]", "its shards are no numbers"),
      ("\"shards\":[2]", "\"shards\":[4]", "its shards are no numbers"),
      ("\"shards\":[2]", "\"shards\":[2,2]", "its shards are no numbers"),
      ("\"shardCount\":3", "\"shardCount\":9223372036854775807", "its shards are no numbers"),
      ("\"results\":2", "\"results\":9223372036854775807", "another number of lines"),
      ("\"results\":2", "\"results\":-1", "another number of lines"),
      ("\"results\":2", "\"results\":\"x\"", "line 1 cannot be read: results: it has another type"),
    ] {
      let found = forged { $0[0] = $0[0].replacing(old, with: new) }
      #expect(found.contains(text), "\(new): \(found)")
    }
    #expect(
      forged { $0[1] = $0[1].replacing("\"shape\":[1,8]", with: "\"shape\":[-1,8]") }
        .contains("line 2 cannot be read: "))
    #expect(
      forged { $0[1] = String($0[1].dropLast()) + ",\"rows\":0}" }
        .contains("it names rows that it does not hold"))
    #expect(forged { $0.swapAt(1, 2) }.contains("its pairs are not in order"))
  }
}
