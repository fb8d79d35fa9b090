import AssayCapture
import AssayComparison
import AssayReplay
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// Replays of a model against the golden of one whose modules have other names.
@Suite struct MappedReplayTests {
  private let directory: TemporaryDirectory
  private let golden: any RunReader

  init() throws {
    directory = try TemporaryDirectory()
    golden = try recordGolden(in: directory, capturing: Self.configuration("^net")) {
      try Self.otherChain($0)
    }
  }

  /// What ``Chain`` computes, as `net` and `net.blocks.0` to `2`.
  private static func otherChain(_ probe: Probe) throws {
    let chain = Chain()
    for input in inputs {
      try probe.step {
        _ = try probe("net", chain.vector(input)) { start in
          let scope = probe.scope("net.blocks")
          var hidden = start
          for (index, factor) in chain.factors.enumerated() {
            hidden = try scope("\(index)", hidden) { try chain.map($0) { $0 * factor } }
          }
          return hidden
        }
      }
    }
  }

  private static func configuration(_ pattern: String) throws -> CaptureConfiguration {
    var configuration = everyStep()
    configuration.modules = ModuleFilter(rules: [try ModuleFilter.Rule(pattern)])
    return configuration
  }

  private func options(_ rules: String = Self.rules) throws -> ReplayOptions {
    var options = ReplayOptions()
    options.mapping = try Mapping(yaml: rules)
    return options
  }

  private static let rules = #"""
    rules:
      - {actual: model, expected: net}
      - {actual: 'model\.layers\.(\d)', expected: 'net.blocks.\1'}
    """#

  /// The golden's patterns are for its own names, and must not keep the model's from being captured.
  @Test func otherNamesMatch() throws {
    let comparison = try Replay.run(golden, options: options()) { try Chain().run(inputs, $0) }
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.compared == 16)
    #expect(comparison.actual.path == "live replay")
    #expect(comparison.mapping?.rules.map(\.count) == [4, 12])
    #expect(try !Replay.run(golden) { try Chain().run(inputs, $0) }.isMatch)
  }

  @Test func aBugIsLocated() throws {
    let comparison = try Replay.run(golden, options: options()) {
      try Chain(factors: [2, 3.5, 5]).run(inputs, $0)
    }
    #expect(!comparison.isMatch)
    #expect(comparison.firstDivergence?.call.module == "net.blocks.1")
    #expect(comparison.firstDivergence?.origin.cause == .introduced)
  }

  @Test func aModelThatStopsEarlyOrRunsOnFails() throws {
    let short = try Replay.run(golden, options: options()) { try Chain().run([inputs[0]], $0) }
    #expect(!short.isMatch)
    let long = try Replay.run(golden, options: options()) {
      try Chain().run(inputs + inputs, $0)
    }
    #expect(!long.isMatch)
    #expect(long.failures.contains(.extraSteps(ran: 4, expected: 2)))
    let nothing = try Replay.run(golden, options: options()) { _ in }
    #expect(!nothing.isMatch)
    #expect(nothing.summary.tensors.compared == 0)
  }

  @Test func whatTheModelThrowsIsThrown() throws {
    struct Broken: Error {}
    let options = try options()
    #expect(throws: Broken.self) {
      _ = try Replay.run(golden, options: options) { probe in
        try Chain().run([inputs[0]], probe)
        throw Broken()
      }
    }
  }

  @Test func anUnusedRuleFails() throws {
    let comparison = try Replay.run(
      golden, options: options(Self.rules + "\n  - {actual: head, expected: lm_head}")
    ) { try Chain().run(inputs, $0) }
    #expect(!comparison.isMatch)
    #expect(comparison.summary.tensors.matched == 16)
  }

  /// Calls that the golden's patterns leave out are left out under their mapped names; a call that
  /// they would have recorded is not.
  @Test func theGoldensPatternsHoldForMappedNames() throws {
    let only = try recordGolden(
      in: directory, name: "only", capturing: Self.configuration(#"blocks\.1|other"#)
    ) { try Self.otherChain($0) }
    let rules = #"rules: [{actual: 'model\.layers\.(\d)', expected: 'net.blocks.\1'}]"#
    let comparison = try Replay.run(only, options: options(rules)) {
      try Chain().run(inputs, $0)
    }
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.total == 4)
    let extra = try Replay.run(only, options: options(rules)) { probe in
      for input in inputs {
        try probe.step {
          for name in ["model.layers.1", "other"] {
            _ = try probe(name, Chain().vector(input.map { $0 * 2 })) { x in
              try Chain().map(x) { $0 * 3 }
            }
          }
        }
      }
    }
    #expect(!extra.isMatch)
    #expect(extra.summary.tensors.missingInExpected == 4)
    #expect(extra.summary.tensors.matched == 4)
  }

  @Test func whatNeedsAComparisonWhileTheModelRunsIsRefused() throws {
    var isolated = try options()
    isolated.isIsolated = true
    #expect(throws: ReplayError.notWithMapping("isolated")) {
      _ = try Replay(golden: golden, options: isolated)
    }
    var stopping = try options()
    stopping.stopsAtFirstDivergence = true
    #expect(throws: ReplayError.notWithMapping("stopped at its first divergence")) {
      _ = try Replay(golden: golden, options: stopping)
    }
    #expect(throws: ReplayError.notWithMapping("recorded as the golden")) {
      _ = try Replay(
        golden: golden, options: options(),
        copyingTo: GoldenFile(path: directory.path + "/copy.h5")
          .writer(manifest: RunManifest(id: "draft")))
    }
  }
}
