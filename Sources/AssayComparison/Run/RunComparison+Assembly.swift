import AssayBase
import AssayRuns
import AssayTensors

extension RunComparison {
  /// Adds up what the pairs came to.
  ///
  /// - Parameter results: What the pairing's pairs came to, at their positions.
  init(pairing: RunPairing, results: [TensorResult], options: ComparisonOptions) {
    self.init(
      actual: pairing.actual, expected: pairing.expected, options: options,
      summary: ComparisonSummary(), steps: [], introduced: [], failures: pairing.failures,
      notes: pairing.notes)
    var earlier = EarlierFailures()
    var handed: [ErrorTracer.Handed] = []
    var stepsFromStart = 0
    for step in pairing.steps {
      let result = StepResult(
        index: step.index, presence: step.presence,
        modules: step.calls.map { call in
          ModuleResult(
            call: call.call, presence: call.presence, tensors: Array(results[call.pairs]))
        })
      // Later calls of the step may hold what the first ones put there.
      let firstState = step.preForwardOrder.lazy.map { step.calls[$0].inputCoverage }
        .first { $0 == .state || $0 == .filledState }
      let startsFilled = step.index == 0 && firstState == .filledState
      let isFromStart =
        step.index == stepsFromStart && step.presence == .both && !startsFilled
      if isFromStart { stepsFromStart += 1 }
      func traced(_ differs: @escaping (TensorResult) -> Bool) -> ErrorTracer {
        var tracer = ErrorTracer(
          step: result, preForwardOrder: step.preForwardOrder,
          inputCoverage: step.calls.map(\.inputCoverage), isIsolated: options.isIsolated,
          after: earlier, isFromStart: isFromStart, differs: differs)
        tracer.trace()
        return tracer
      }
      let tracer = traced(\.hasValueError)
      if steps.isEmpty, step.index == 0, !options.isIsolated, hasEveryModule {
        otherInputs =
          tracer.otherInputs.map { result.otherInputs(of: $0) { $0.hasValueError } }
          ?? result.otherInputsByShape(
            first: step.preForwardOrder.first { !result.modules[$0].inputs.isEmpty })
      }
      steps.append(tracer.step)
      handed.append(tracer.handed)
      firstDivergence = firstDivergence ?? tracer.divergence
      firstDifference = firstDifference ?? traced(\.differsAtAll).divergence
      if firstNonFinite == nil, result.hasNonFiniteDifference {
        firstNonFinite = traced(\.differsInNonFinite).divergence
      }
      earlier.add(tracer.step)
    }
    ErrorAccount(steps, handed, isIsolated: options.isIsolated).settle(&steps)
    introduced = steps.flatMap { step in
      step.modules.filter { $0.origin?.cause == .introduced }
        .map { $0.call }
    }
    summary = ComparisonSummary(of: steps)
    if summary.elements.compared == 0, summary.tensors.estimated == 0 {
      failures.append(pairing.failureOfNothing)
    }
    checkRules(pairing)
    if let pattern = options.unfinishedPattern { failures.append(.unfinishedPattern(pattern)) }
    if let pattern = options.logits, logits.isEmpty {
      failures.append(.noLogits(pattern: pattern.source))
    }
    if let otherInputs, let tensor = otherInputs.tensors.first, !tensor.hasValueError {
      firstDivergence = Divergence(
        call: otherInputs.call, tensor: tensor,
        origin: ErrorOrigin(cause: .form))
    }
    firstDivergence =
      firstDivergence ?? Divergence(firstOf: steps, where: \.verdict.isDivergence)
      ?? Divergence(firstOf: steps, where: \.verdict.isFailure)
    noteNoiseSources()
    if !noteRounding() { noteSuspects() }
  }

  /// Whether neither the selection nor a recording left modules out, which could have made what the
  /// first call was given.
  private var hasEveryModule: Bool {
    options.modules == nil
      && [actual, expected].allSatisfy { side in
        switch side.manifest.configuration?.members?["module_call_match"] {
        case nil, .null?: true
        case .array(let patterns)?: patterns.isEmpty
        default: false
        }
      }
  }

  /// Fails for tensors without a rule, and notes rules without a tensor.
  private mutating func checkRules(_ pairing: RunPairing) {
    guard case .rules(let rules) = options.tolerance.kind else { return }
    var used = Set<Int>()
    var unmatched = 0
    var first: TensorKey?
    for step in steps {
      for module in step.modules {
        for tensor in module.tensors {
          if let rule = tensor.rule { used.insert(rule) }
          guard tensor.isUnmatched else { continue }
          unmatched += 1
          first = first ?? tensor.key
        }
      }
    }
    if let first { failures.append(.unmatchedByRules(count: unmatched, first: first)) }
    guard pairing.isWhole else { return }
    for (position, rule) in rules.rules.enumerated() where !used.contains(position) {
      notes.append(
        "tolerance rule \(position + 1), for the module \"\(rule.module)\", decided about no "
          + "tensor\(rules.source.map { " (\($0))" } ?? "")")
    }
  }
}

extension StepResult {
  fileprivate func otherInputs(
    of position: Int, where differs: (TensorResult) -> Bool
  ) -> OtherInputs {
    let module = modules[position]
    return OtherInputs(call: module.call, tensors: module.inputs.filter(differs))
  }

  /// Inputs of another shape that the first call was given, where that is why most results have
  /// another one.
  fileprivate func otherInputsByShape(first: Int?) -> OtherInputs? {
    guard let first else { return nil }
    let given = otherInputs(of: first) { $0.verdict == .shape }
    let results = modules.flatMap(\.results)
    guard !given.tensors.isEmpty,
      results.count(where: { $0.verdict == .shape }) * 2 > results.count
    else { return nil }
    return given
  }

  fileprivate var hasNonFiniteDifference: Bool {
    modules.contains { $0.tensors.contains(where: \.differsInNonFinite) }
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
    case .values, .shape, .dtype, .mismatch: tensors.mismatched += 1
    case .missingInActual: tensors.missingInActual += 1
    case .missingInExpected: tensors.missingInExpected += 1
    case .unreadable: tensors.unreadable += 1
    case .notRecorded: tensors.notRecorded += 1
    case .notComputed: tensors.notComputed += 1
    case .placement: tensors.misplaced += 1
    case .replicas: tensors.differingReplicas += 1
    case .skipped: tensors.skipped += 1
    }
    if let estimate = tensor.estimate {
      tensors.compared += 1
      if estimate.isEqual {
        // A file may claim any size.
        let (sum, overflow) = elements.compared.addingReportingOverflow(estimate.elementCount)
        elements.compared = overflow ? .max : sum
      } else {
        tensors.estimated += 1
        elements.compared += estimate.sample?.elementCount ?? 0
      }
    }
    guard let difference = tensor.difference else { return }
    tensors.compared += 1
    elements.compared += difference.elementCount
    if tensor.verdict != .match { elements.mismatched += difference.mismatchedCount }
  }
}

extension ComparisonSummary.Counts {
  fileprivate mutating func count(_ verdict: Verdict) {
    total += 1
    switch verdict {
    case .match: matched += 1
    case .missingInActual, .missingInExpected: missing += 1
    case .skipped, .notComputed: break
    default: mismatched += 1
    }
  }
}
