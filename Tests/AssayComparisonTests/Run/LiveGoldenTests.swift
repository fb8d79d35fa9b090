import AssayComparison
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// Runs that PyTorch recorded, compared as if they were being produced.
@Suite struct LiveGoldenTests {
  private func open(_ name: String) throws -> any RunReader {
    var root = URL(filePath: #filePath)
    for _ in 0..<4 { root.deleteLastPathComponent() }
    return try openRun(at: root.appending(path: "Golden/tiny-llama/\(name)").path)
  }

  @Test(arguments: [
    ("float32", "float32.h5"), ("float32.h5", "float32.h5"), ("bfloat16", "bfloat16.h5"),
    ("float32-math.h5", "float32.h5"), ("bfloat16.h5", "float32.h5"),
    ("float32.h5", "bugs/weight-row.h5"), ("bugs/weight-row.h5", "float32.h5"),
    ("bugs/norm-epsilon.h5", "float32.h5"), ("bugs/rope-theta.h5", "float32.h5"),
  ])
  func comesToWhatTheStoredRunComesTo(actual: String, expected: String) throws {
    try compareLive(open(actual), open(expected))
  }

  @Test(arguments: [0, 1, 7, 1000])
  func detailIsOfTheFirstFailingTensors(limit: Int) throws {
    let comparison = try compareLive(
      open("bugs/weight-row.h5"), open("float32.h5"), .init(.init(), detailLimit: limit))
    let detailed = comparison.steps.flatMap { $0.modules.flatMap(\.tensors) }
      .filter { $0.quantiles != nil }
    #expect(detailed.count == min(limit, comparison.summary.tensors.mismatched))
  }

  @Test func selectionsHoldForBothWays() throws {
    let options = ComparisonOptions(
      .init(
        tolerance: .torch, steps: [1, 3], modules: [try ModulePattern(#"layers\.[12]\.mlp"#)]),
      sides: [.outputs])
    let comparison = try compareLive(open("bugs/weight-row.h5"), open("float32.h5"), options)
    #expect(comparison.summary.steps.total == 2)
    #expect(
      comparison.steps.allSatisfy {
        $0.modules.allSatisfy { $0.tensors.allSatisfy { $0.slot.side == .outputs } }
      })
    #expect(!comparison.isMatch)
  }

  @Test func partsReceivedAtOnceComeToTheSame() throws {
    let (actual, expected) = (try open("bugs/norm-epsilon.h5"), try open("float32.h5"))
    let stored = try RunComparison.compare(actual: actual, expected: expected)
    var replayer = Replayer(actual, expected, .init())
    for step in actual.steps {
      let parts = try replayer.parts(of: step)
      let live = replayer.live
      live.receive(.stepBegan(step.index))
      DispatchQueue.concurrentPerform(iterations: parts.count) {
        live.receive(.captured(parts[$0]))
      }
      replayer.end(step)
    }
    expectEqual(try replayer.finish(), stored)
  }
}
