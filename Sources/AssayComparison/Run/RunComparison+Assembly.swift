import AssayRuns

extension RunComparison {
  /// Judges all pairs and adds up what they came to.
  init(
    pairing: RunPairing, judge: PairJudge, options: ComparisonOptions,
    progress: (@Sendable (Int, Int) -> Void)?
  ) {
    let pairs = pairing.steps.flatMap { $0.calls.flatMap(\.pairs) }
    var tensors = concurrentMap(count: pairs.count, progress: progress) { judge.judge(pairs[$0]) }
    RunComparison.addQuantiles(to: &tensors, of: pairs, judge: judge, limit: options.detailLimit)

    self.init(
      isMatch: false, actual: pairing.actual, expected: pairing.expected, options: options,
      summary: ComparisonSummary(), steps: [], introduced: [], failures: pairing.failures,
      notes: pairing.notes)
    var rest = tensors[...]
    for step in pairing.steps {
      let modules = step.calls.map { call in
        let own = Array(rest.prefix(call.pairs.count))
        rest = rest.dropFirst(call.pairs.count)
        return ModuleResult(
          call: call.call, verdict: Verdict(call.presence, children: own.map(\.verdict)),
          tensors: own)
      }
      let result = StepResult(
        step: step.step, verdict: Verdict(step.presence, children: modules.map(\.verdict)),
        modules: modules)
      var tracer = ErrorTracer(step: result, preForwardOrder: step.preForwardOrder)
      tracer.trace()
      steps.append(tracer.step)
      introduced += tracer.introduced
      firstDivergence = firstDivergence ?? tracer.divergence
      if firstDifference == nil {
        var tracer = ErrorTracer(step: result, preForwardOrder: step.preForwardOrder) {
          $0.differsAtAll
        }
        tracer.trace()
        firstDifference = tracer.divergence
      }
    }
    summary = ComparisonSummary(of: steps)
    if summary.elements.compared == 0 { failures.append(.nothingCompared) }
    firstDivergence = firstDivergence ?? Divergence(firstMissingOf: steps)
    isMatch = failures.isEmpty && !steps.contains { $0.verdict.isFailure }
  }

  private static func addQuantiles(
    to tensors: inout [TensorResult], of pairs: [RunPairing.Pair], judge: PairJudge, limit: Int
  ) {
    let detailed = tensors.indices
      .filter { tensors[$0].verdict.isFailure && tensors[$0].difference != nil }
      .prefix(max(limit, 0))
    let positions = Array(detailed)
    let quantiles = concurrentMap(count: positions.count) { judge.quantiles(pairs[positions[$0]]) }
    for (position, values) in zip(positions, quantiles) { tensors[position].quantiles = values }
  }
}

extension Verdict {
  fileprivate init(_ presence: RunPairing.Presence, children: [TensorResult.Verdict]) {
    self.init(
      presence, fails: children.contains(where: \.isFailure), matches: children.contains(.match))
  }

  fileprivate init(_ presence: RunPairing.Presence, children: [Verdict]) {
    self.init(
      presence, fails: children.contains(where: \.isFailure), matches: children.contains(.match))
  }

  private init(_ presence: RunPairing.Presence, fails: Bool, matches: Bool) {
    switch presence {
    case .actualOnly: self = .missingInExpected
    case .expectedOnly: self = .missingInActual
    case .both: self = fails ? .mismatch : matches ? .match : .skipped
    }
  }
}

extension ComparisonSummary {
  /// Counts what the steps came to.
  init(of results: [StepResult]) {
    for step in results {
      steps.count(step.verdict)
      for module in step.modules {
        modules.count(module.verdict)
        for tensor in module.tensors { count(tensor) }
      }
    }
  }

  private mutating func count(_ tensor: TensorResult) {
    tensors.total += 1
    switch tensor.verdict {
    case .match: tensors.matched += 1
    case .values, .shape, .dtype: tensors.mismatched += 1
    case .missingInActual: tensors.missingInActual += 1
    case .missingInExpected: tensors.missingInExpected += 1
    case .unreadable: tensors.unreadable += 1
    case .skipped: tensors.skipped += 1
    }
    guard let difference = tensor.difference else { return }
    tensors.compared += 1
    elements.compared += difference.elementCount
    elements.mismatched += difference.mismatchedCount
  }
}

extension ComparisonSummary.Counts {
  fileprivate mutating func count(_ verdict: Verdict) {
    total += 1
    switch verdict {
    case .match: matched += 1
    case .mismatch: mismatched += 1
    case .missingInActual, .missingInExpected: missing += 1
    case .skipped: break
    }
  }
}
