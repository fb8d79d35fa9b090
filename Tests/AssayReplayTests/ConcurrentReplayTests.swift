import AssayBase
import AssayCapture
import AssayComparison
import AssayReplay
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// How many times the usual work: `make tsan` asks for more.
private let stress = Int(ProcessInfo.processInfo.environment["ASSAY_STRESS"] ?? "") ?? 1

/// One golden, which many tasks and threads use at once.
@Suite struct ConcurrentReplayTests {
  private let directory: TemporaryDirectory
  private let golden: any RunReader

  init() throws {
    directory = try TemporaryDirectory()
    golden = try recordGolden(in: directory)
  }

  @Test(arguments: [false, true])
  func manyTasksReplayOneReader(_ isIsolated: Bool) async throws {
    let golden = golden
    var chosen = ReplayOptions()
    chosen.isIsolated = isIsolated
    let options = chosen
    try await withThrowingTaskGroup(of: (Bool, RunComparison).self) { group in
      for number in 0..<16 * stress {
        let isBroken = number % 3 == 0
        group.addTask {
          let model = Chain(factors: isBroken ? [2, 3.5, 5] : [2, 3, 5])
          let comparison = try await Replay.run(golden, options: options) { probe in
            await Task.yield()
            try model.run(inputs, probe)
          }
          return (isBroken, comparison)
        }
      }
      for try await (isBroken, comparison) in group {
        #expect(comparison.isMatch == !isBroken)
        #expect(comparison.summary.tensors.compared == 16)
      }
    }
  }

  @Test func manyThreadsOpenAndCompareOneFile() throws {
    let other = try recordGolden(in: directory, name: "other") {
      try Chain(factors: [2, 3, 6]).run(inputs, $0)
    }
    let (path, otherPath) = (golden.path, other.path)
    let found = concurrentMap(count: 16 * stress) { number in
      Result {
        try RunComparison.compare(
          actual: openRun(at: number % 2 == 0 ? path : otherPath), expected: openRun(at: path),
          options: ComparisonOptions())
      }
    }
    for (number, result) in found.enumerated() {
      let comparison = try result.get()
      #expect(comparison.isMatch == (number % 2 == 0))
      #expect(comparison.summary.tensors.compared == 16)
    }
  }

  /// While some approve, who reads finds one golden or the other, and always a whole one.
  @Test func goldenIsReplacedWhileItIsRead() throws {
    let other = try recordGolden(in: directory, name: "other", id: "other-id") {
      try Chain(factors: [2, 3, 6]).run(inputs, $0)
    }
    let first = try recordGolden(in: directory, name: "first") { try Chain().run(inputs, $0) }
    let file = GoldenFile(path: golden.path)
    let found = concurrentMap(count: 24 * stress) { number in
      Result { () -> RunComparison? in
        if number % 6 == 0 {
          try file.approve(
            number % 12 == 0 ? other : first,
            approval: Approval(by: "a test", to: ""))
          return nil
        }
        let golden = try file.open()
        let isOther = golden.manifest.id == "other-id"
        return try RunComparison.compare(
          actual: isOther ? other : first, expected: golden, options: ComparisonOptions())
      }
    }
    for result in found {
      guard let comparison = try result.get() else { continue }
      #expect(comparison.isMatch)
      #expect(comparison.summary.tensors.compared == 16)
    }
    #expect(directory.names.allSatisfy { !$0.hasPrefix(".") })
  }
}
