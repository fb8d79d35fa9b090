import AssayComparison
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// Planted bugs against digests of what PyTorch recorded.
@Suite struct DigestGoldenTests {
  private static func golden(_ name: String) -> String {
    var root = URL(filePath: #filePath)
    for _ in 0..<4 { root.deleteLastPathComponent() }
    return root.appending(path: "Golden/\(name)").path
  }

  private static func open(_ name: String) throws -> any RunReader {
    try openRun(at: golden("tiny-llama/\(name)"))
  }

  /// Digests of a golden, in a file that is gone when it is no longer used.
  private final class Digests {
    let reader: any RunReader
    private let path: String

    init(of name: String, keep: TensorKeep) throws {
      path = FileManager.default.temporaryDirectory.path + "/assay-\(UUID().uuidString).h5"
      let golden = try DigestGoldenTests.open(name)
      let writer = try HDF5RunWriter(path: path, mode: .golden, manifest: golden.manifest)
      try copyRun(from: golden, to: writer, keep: keep)
      reader = try HDF5RunReader(path: path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private func compare(
    _ actual: any RunReader, _ expected: any RunReader
  ) throws -> RunComparison {
    let options = ComparisonOptions(tolerance: try Tolerance(rtol: 1e-3, atol: 1e-4))
    return try RunComparison.compare(actual: actual, expected: expected, options: options)
  }

  @Test(
    arguments: ["norm-epsilon", "rope-theta", "weight-row"], [TensorKeep.digest, .sample])
  func bugsAreFoundWhereTheyAre(bug: String, keep: TensorKeep) throws {
    let digests = try Digests(of: "float32.h5", keep: keep)
    let actual = try Self.open("bugs/\(bug).h5")
    let whole = try compare(actual, Self.open("float32.h5"))
    let estimated = try compare(actual, digests.reader)
    #expect(!estimated.isMatch)
    let (found, truth) = (
      try #require(estimated.firstDivergence), try #require(whole.firstDivergence)
    )
    #expect(found.call.step == truth.call.step && found.call == truth.call)
    #expect(found.origin.cause == truth.origin.cause)
    // The truth is within the bounds of at least 99 % of the estimates.
    var (count, outside) = (0, 0)
    for (ours, theirs) in zip(estimated.steps, whole.steps) {
      for (module, full) in zip(ours.modules, theirs.modules) {
        for (tensor, known) in zip(module.tensors, full.tensors) {
          guard tensor.isEstimated, let figure = tensor.estimate?.relativeL2,
            let error = known.difference?.relativeL2
          else { continue }
          count += 1
          if !(figure.lower...figure.upper).contains(error) { outside += 1 }
        }
      }
    }
    #expect(count > 30 && outside * 100 <= count, "\(outside) of \(count)")
    // What digests fail, elements fail as well.
    #expect(estimated.summary.tensors.mismatched <= whole.summary.tensors.mismatched)
  }

  @Test(arguments: [TensorKeep.digest, .sample]) func roundingNoisePasses(
    _ keep: TensorKeep
  ) throws {
    let digests = try Digests(of: "float32.h5", keep: keep)
    let comparison = try compare(Self.open("float32-math.h5"), digests.reader)
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.compared == 560)
    #expect(comparison.summary.tensors.estimated > 80)
  }

  @Test func theRecordingItselfMatchesExactly() throws {
    for keep in [TensorKeep.digest, .sample] {
      let digests = try Digests(of: "bfloat16.h5", keep: keep)
      let comparison = try RunComparison.compare(
        actual: Self.open("bfloat16.h5"), expected: digests.reader,
        options: .init(tolerance: .exact))
      #expect(comparison.isMatch && comparison.summary.tensors.estimated == 0)
      #expect(comparison.summary.elements.compared > 100_000)
    }
  }

  /// The recording of some layers with all elements, and that of every module with digests.
  @Test func digestsOfARealModelAreThoseOfItsElements() throws {
    let digests = try openRun(at: Self.golden("smollm2/digest.h5"))
    #expect(try Data(contentsOf: URL(filePath: digests.path)).count < 1 << 20)
    #expect(digests.digestCount > 900)
    let modules = Set(digests.steps.flatMap(\.calls).map(\.call.module))
    #expect(modules.count == 395)
    let elements = try openRun(at: Self.golden("smollm2/float32.h5"))
    var options = ComparisonOptions(tolerance: try Tolerance(rtol: 1e-3, atol: 1e-4))
    options.steps = [0]
    options.modules = [
      try ModulePattern(#"^(model\.(embed_tokens|rotary_emb|norm)|lm_head)$"#),
      try ModulePattern(#"^model\.layers\.(0|14|29)(\.|$)"#),
    ]
    let comparison = try RunComparison.compare(
      actual: elements, expected: digests, options: options)
    #expect(comparison.isMatch && comparison.summary.tensors.compared > 100)
  }

  @Test func comparingLiveComesToTheSame() throws {
    let digests = try Digests(of: "float32.h5", keep: .digest)
    try compareLive(Self.open("bugs/norm-epsilon.h5"), digests.reader)
    try compareLive(digests.reader, Self.open("bugs/weight-row.h5"))
  }
}
