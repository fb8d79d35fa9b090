import AssayBase
import AssayRuns
import AssayRunsSupport
import Foundation
import Testing

@testable import AssayComparison
@testable import AssayTensors

@Suite struct RunHealthTests {
  /// Every finding of a run with one thing wrong in each module, as torch counts it.
  @Test func whatTorchFindsIsFound() throws {
    let run = try openRun(at: CountedByTorch.file("sick.h5").path)
    let health = RunHealth.check(run)
    let expected = try CountedByTorch.read("found.json")
    #expect(!health.isHealthy && health.failures.isEmpty)
    #expect(
      Set(health.findings.map { "\($0.kind.rawValue) \($0.call.module) \($0.tensor.slot)" })
        == Set(expected.map { "\($0.kind ?? "") \($0.module ?? "") \($0.slot ?? "")" }))
    #expect(health.findings.count == expected.count)
    for counted in expected {
      let finding = try #require(
        health.findings.first {
          $0.kind.rawValue == counted.kind && $0.call.module == counted.module
        })
      try counted.expect(finding.tensor.census)
      #expect(finding.tensor.shape.dimensions == counted.shape)
      #expect(finding.tensor.dtype.torchName == counted.dtype)
      #expect(finding.cause.rawValue == counted.cause, "\(counted.module ?? "")")
      #expect(finding.stepCount == counted.steps, "\(counted.module ?? "")")
      #expect(finding.call.step == 0)
    }
    #expect(health.firstNonFinite?.call.module == "square")
    #expect(health.firstNonFinite?.given.map(\.slot.rawValue) == ["inputs_0"])
    let between = try #require(health.findings.first { $0.call.module == "between.o" })
    #expect("\(try #require(between.birthplace))" == "inside between, after q, before o")
    #expect(health.findings.first { $0.kind == .maskedRows }?.maskedRowCount == 1)
    #expect(health.findings.map(\.kind) == health.findings.map(\.kind).sorted())
  }

  /// Relu's zeros, masks, probabilities, scales of fp8, sines of position 0, padding.
  @Test func whatOnlyLooksWrongIsNotFound() throws {
    let health = RunHealth.check(try openRun(at: CountedByTorch.file("healthy.h5").path))
    #expect(health.findings.isEmpty && health.isHealthy, "\(health.findings)")
    #expect(health.summary.masked == 4 && health.summary.tensors == 70)
  }

  @Test(arguments: [
    "tiny-llama/float32.h5", "tiny-llama/bfloat16.h5", "tiny-llama/bfloat16",
    "smollm2/float32.h5", "smollm2/digest.h5",
  ])
  func goldensAreHealthy(_ name: String) throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let run = try openRun(at: root.appending(path: "Golden/\(name)").path)
    let health = RunHealth.check(run)
    #expect(health.isHealthy && health.summary.tensors > 400, "\(health.findings)")
    #expect(health.summary.digests == run.digestCount)
  }

  @Test func whatIsSelectedMustBeThere() throws {
    let run = try openRun(at: CountedByTorch.file("sick.h5").path)
    let all = RunHealth.check(
      run, options: HealthOptions(steps: [1], modules: [try .init("^ratio$")]))
    #expect(all.findings.map(\.call.module) == ["ratio"] && all.findings.first?.call.step == 1)
    let none = RunHealth.check(
      run, options: HealthOptions(steps: [7, 8], modules: [try .init("x")]))
    #expect(
      none.failures == [
        .stepMatchesNothing(7), .stepMatchesNothing(8), .patternMatchesNothing("x"),
        .nothingChecked,
      ])
    #expect(!none.isHealthy)
  }
}

/// Runs put together by hand, for what torch cannot be made to record.
@Suite struct HealthTracingTests {
  private let fine: [Float] = [1, -2, 3, 4]
  private let bad: [Float] = [1, .nan, 3, 4]

  private func tensor(_ values: [Float], _ shape: [Int] = [2, 2]) throws -> Tensor {
    try Tensor(values, dtype: .float32, shape: Shape(shape))
  }

  private func check(_ body: (inout InMemoryRun) throws -> Void) throws -> RunHealth {
    var run = InMemoryRun(path: "run")
    try body(&run)
    return RunHealth.check(run)
  }

  @Test func aRunOfNothingIsNotHealthy() throws {
    #expect(try check { _ in }.failures == [.nothingChecked])
    let empty = try check { $0.add(try tensor([], [0, 2]), "a", "outputs") }
    #expect(empty.failures == [.nothingChecked] && !empty.isHealthy)
    let ids = try check { $0.add(try Tensor([Int64(0), 0], dtype: .int64), "a", "outputs") }
    #expect(ids.isHealthy)
  }

  @Test func whatCannotBeReadIsNamed() throws {
    let health = try check {
      $0.add(try tensor(fine), "a", "inputs_0")
      $0.add(nil, "a", "outputs")
    }
    #expect(!health.isHealthy && health.summary.unreadable == 1)
    #expect(health.unchecked(.unreadable).map(\.key.slot.rawValue) == ["outputs"])
  }

  @Test func whatWasSkippedIsNamedAndNoFailure() throws {
    let note = SkippedTensor(
      dtype: .float32, shape: try Shape([9]), device: .cpu, reason: "it is too large")
    let health = try check {
      $0.add(try tensor(fine), "a", "inputs_0")
      $0.add(nil, "a", "outputs", skipped: note)
    }
    #expect(health.isHealthy && health.summary.skipped == 1)
    #expect(health.notes.contains { $0.contains("outputs on cpu: it is too large") })
  }

  @Test func whatWasNotRecordedIsNamedAndAFailure() throws {
    let key = TensorKey(
      CallKey(step: 0, module: "a", index: 0), device: .cpu, slot: Slot("outputs_cache"))
    var call = MeasuredCall(call: CallKey(step: 0, module: "a"))
    call.tensors = [
      MeasuredTensor(try tensor(fine), key: key),
      MeasuredTensor(notRecorded: "it is a sparse tensor", key: key),
    ]
    let health = RunHealth(
      path: "run", manifest: RunManifest(id: "a", isComplete: true),
      steps: [MeasuredStep(index: 0, calls: [call], completionOrder: [0])])
    #expect(!health.isHealthy && health.findings.isEmpty && health.summary.notRecorded == 1)
    #expect(health.unchecked(.notRecorded).map(\.reason) == ["it is a sparse tensor"])
  }

  @Test func aCutRunNeedsItsStepsNamed() throws {
    var run = InMemoryRun(path: "run", isComplete: false)
    run.add(try tensor(fine), "a", "outputs")
    #expect(RunHealth.check(run).failures == [.incompleteRun(path: "run", steps: 1)])
    #expect(RunHealth.check(run, options: HealthOptions(steps: [0])).isHealthy)
  }

  /// Given to the model, NaN is found once and inherited everywhere else.
  @Test func theModelsOwnInputIsNamed() throws {
    let health = try check {
      $0.add(try tensor(bad), "", "inputs_0")
      $0.add(try tensor(bad), "a", "inputs_0")
      $0.add(try tensor(bad), "a", "outputs")
      $0.add(try tensor(bad), "", "outputs")
    }
    #expect(health.findings.map(\.call.module) == [""])
    #expect(health.findings.first?.cause == .given)
    #expect(health.inherited == [.nonFinite: 3])
  }

  @Test func withoutRecordedInputsTheCauseIsUnknown() throws {
    let health = try check {
      $0.begin("root")
      $0.add(try tensor(fine), "root", "inputs_0")
      $0.add(try tensor(fine), "root.a", "outputs")
      $0.add(try tensor(bad), "root.b", "outputs")
      $0.add(try tensor(bad), "root", "outputs")
    }
    let finding = try #require(health.findings.first)
    #expect(health.findings.count == 1 && finding.cause == .unknown)
    #expect(
      "\(try #require(finding.birthplace))" == "inside root, after a, before the outputs of b")
  }

  @Test func inputsThatWereNotAllSeenLeaveTheCauseUnknown() throws {
    let health = try check {
      $0.add(try tensor(fine), "a", "inputs_0")
      $0.cover("a", .partial)
      $0.add(try tensor(bad), "a", "outputs")
    }
    #expect(health.findings.map(\.cause) == [.unknown])
  }

  /// A zero bias among the inputs must not hide that the output is dead.
  @Test func aDeadOutputIsFoundBesideADeadInput() throws {
    func health(_ input: [Float]) throws -> RunHealth {
      try check {
        $0.add(try tensor(input), "a", "inputs_0")
        $0.add(try tensor([0, 0, 0, 0]), "a", "inputs_1")
        $0.add(try tensor([0, 0, 0, 0]), "a", "outputs")
      }
    }
    #expect(try health(fine).findings.map(\.kind) == [.allZero])
    #expect(try health([0, 0, 0, 0]).isHealthy)
  }

  @Test func oneRowAndOneElementSayNothing() throws {
    let health = try check {
      $0.add(try tensor(fine), "a", "inputs_0")
      $0.add(try tensor([0, 0], [1, 2]), "a", "outputs")
      $0.add(try tensor(fine), "b", "inputs_0")
      $0.add(try tensor([3], [1]), "b", "outputs")
    }
    #expect(health.isHealthy)
  }

  /// A second output that is alive, or another step, tells that the module is.
  @Test func aModuleWithALiveOutputIsAlive() throws {
    let health = try check {
      $0.add(try tensor(fine), "a", "inputs_0")
      $0.add(try tensor(fine), "a", "outputs_0")
      $0.add(try tensor([0, 0, 0, 0]), "a", "outputs_1")
      for step in 0...1 {
        $0.add(try tensor(fine), step: step, "b", "inputs_0")
        $0.add(try tensor(step == 0 ? [0, 0, 0, 0] : fine), step: step, "b", "outputs")
      }
    }
    #expect(health.isHealthy)
  }

  /// Scores with -inf are softmax's daily bread, but not where they come out again.
  @Test func minusInfinityThatComesOutAgainIsFound() throws {
    let scores: [Float] = [1, -.infinity, -.infinity, -.infinity]
    func health(_ outputs: [Float]) throws -> RunHealth {
      try check {
        $0.begin("attention")
        $0.add(try tensor(fine), "attention", "inputs_0")
        $0.add(try tensor(scores), "attention.softmax", "inputs_0")
        $0.add(try tensor(outputs), "attention.softmax", "outputs")
        $0.add(try tensor(outputs), "attention", "outputs")
      }
    }
    let sound = try health([1, 0, 0.5, 0.5])
    #expect(sound.isHealthy && sound.summary.masked == 1)
    let sick = try health([1, 0, .nan, .nan])
    let finding = try #require(sick.findings.first)
    #expect(sick.findings.count == 1 && finding.call.module == "attention.softmax")
    #expect(finding.tensor.slot.rawValue == "inputs_0" && finding.cause == .made)
    #expect("\(try #require(finding.birthplace))" == "inside attention, before softmax")
    #expect(sick.inherited == [.nonFinite: 2])
  }

  /// What was excused in one step must not hide what is born in the next.
  @Test func anExcuseHoldsForItsStepAlone() throws {
    let health = try check {
      for step in 0...1 {
        $0.add(try tensor([1, -.infinity, 3, 4]), step: step, "softmax", "inputs_0")
        $0.add(try tensor(step == 0 ? fine : bad), step: step, "softmax", "outputs")
      }
    }
    #expect(health.findings.map(\.call.step) == [1])
  }

  @Test func whatAModuleKeepsIsNotBornAgain() throws {
    let health = try check {
      for step in 0...1 {
        $0.add(try tensor(fine), step: step, "make", "inputs_0")
        $0.add(try tensor(step == 0 ? bad : fine), step: step, "make", "outputs")
        $0.add(try tensor(step == 0 ? bad : fine), step: step, "keep", "inputs_0")
        $0.add(try tensor(bad), step: step, "keep", "outputs")
      }
    }
    #expect(health.findings.map(\.call.module) == ["make"] && health.inherited == [.nonFinite: 3])
  }

  /// +inf or NaN among the inputs is no mask's.
  @Test(arguments: [Float.infinity, .nan]) func otherInputsAreNotExcused(_ value: Float) throws {
    let health = try check {
      $0.add(try tensor([0, value, -.infinity, 0]), "a", "inputs_attention_mask")
      $0.add(try tensor(fine), "a", "outputs")
    }
    #expect(health.findings.map(\.kind) == [.nonFinite])
  }

  @Test func masksOfIntegersAndBooleansHideByTheirNames() throws {
    func kinds(_ slot: String, _ values: [UInt8], _ dtype: DType) throws -> [HealthKind] {
      try check {
        $0.add(try Tensor(values, dtype: dtype), "a", slot)
        $0.add(try tensor(fine), "a", "outputs")
      }.findings.map(\.kind)
    }
    #expect(try kinds("inputs_attention_mask", [0, 0], .bool) == [.maskEverything])
    #expect(try kinds("inputs_attention_mask", [1, 1], .bool) == [])
    #expect(try kinds("inputs_attention_mask", [0, 0], .uint8) == [.maskEverything])
    #expect(try kinds("inputs_key_padding_mask", [1, 1], .bool) == [.maskEverything])
    #expect(try kinds("inputs_key_padding_mask", [0, 0], .bool) == [])
    #expect(try kinds("inputs_1", [0, 0], .bool) == [])
  }

  /// What a digest tells: counts, the smallest and the largest element.
  @Test func digestsAreCheckedAsFarAsTheyTell() throws {
    func digest(_ values: [Float]) throws -> SkippedTensor {
      let tensor = try tensor(values, [2, values.count / 2])
      return SkippedTensor(
        dtype: .float32, shape: tensor.shape, device: .cpu, reason: "only a digest was kept",
        digest: TensorDigest(of: tensor, withSample: false))
    }
    let health = try check {
      for (name, values) in [
        ("a", bad), ("b", [0, 0, 0, 0]), ("c", [5, 5, 5, 5]), ("d", [1, 2, 3, 2e19]),
        ("e", fine), ("f", [1e-30, 2e-30, 0, -1e-30]),
      ] {
        $0.add(nil, name, "inputs_0", skipped: try digest(fine))
        $0.add(nil, name, "outputs", skipped: try digest(values))
      }
    }
    #expect(
      health.findings.map { "\($0.kind.rawValue) \($0.call.module)" } == [
        "non_finite a", "near_largest d", "near_smallest f", "all_zero b", "constant c",
      ])
    #expect(health.findings.allSatisfy { $0.cause == .made && $0.tensor.census.details == nil })
    #expect(health.summary.digests == 12 && health.notes.contains { $0.contains("digests tell") })
  }

  @Test func subnormalsAreFoundUnlessTheyAreProbabilities() throws {
    func kinds(_ values: [Float]) throws -> [HealthKind] {
      try check {
        $0.add(try tensor(fine), "a", "inputs_0")
        $0.add(try tensor(values), "a", "outputs")
      }.findings.map(\.kind)
    }
    #expect(try kinds([0x1p-133, -0x1p-136, 0.5, 0]) == [.subnormal])
    #expect(try kinds([0x1p-133, -1, 0.5, 0]) == [])
    #expect(try kinds([0x1p-133, 0x1p-136, 0.5, 0]) == [])
  }

  /// A step costs what its calls cost: no work grows with the steps before it.
  @Test func manyStepsAndCallsAreTraced() throws {
    var steps: [MeasuredStep] = []
    for step in 0..<50 {
      let calls = try (0..<40).map { number in
        let call = CallKey(step: 0, module: "m\(number)")
        var measured = MeasuredCall(call: call)
        for slot in ["inputs_0", "outputs"] {
          let key = TensorKey(
            CallKey(step: step, module: call.module, index: 0), device: .cpu, slot: Slot(slot))
          let isSick = slot == "outputs" && number == 7
          measured.tensors.append(MeasuredTensor(try tensor(isSick ? bad : fine), key: key))
        }
        return measured
      }
      steps.append(
        MeasuredStep(index: step, calls: calls, completionOrder: Array(calls.indices)))
    }
    let health = RunHealth(
      path: "run", manifest: RunManifest(id: "a", isComplete: true), steps: steps)
    #expect(health.findings.map(\.stepCount) == [50] && health.summary.tensors == 4000)
  }
}
