import AssayBase
public import AssayRuns
import AssayTensors

extension RunHealth {
  /// Checks one run: every tensor is read once, and what is wrong is traced to the call that shows
  /// it first.
  ///
  /// What is wrong is in the result, not thrown; so are a selection that matches nothing and
  /// tensors that cannot be read.
  ///
  /// - Parameters:
  ///   - run: The run.
  ///   - options: What of it is checked.
  ///   - progress: Called with the number of tensors done and their total, from any thread.
  /// - Returns: The same values whatever the number of threads.
  /// - Complexity: O(elements + tensors) time; memory for figures of each tensor.
  public static func check(
    _ run: any RunReader, options: HealthOptions = .init(),
    progress: (@Sendable (Int, Int) -> Void)? = nil
  ) -> RunHealth {
    let chosen = options.steps.map(Set.init)
    var selected = run.steps.filter { chosen?.contains($0.index) ?? true }
    if let patterns = options.modules {
      for step in selected.indices {
        selected[step].keepCalls { call in patterns.contains { $0.matches(call.call.module) } }
      }
    }
    let tensors = selected.flatMap { $0.calls.flatMap(\.tensors) }
    let measured = concurrentMap(count: tensors.count, progress: progress) {
      MeasuredTensor(tensors[$0], of: run)
    }
    var rest = measured[...]
    let steps = selected.map { record in
      MeasuredStep(
        record,
        calls: record.calls.map { call in
          var result = MeasuredCall(call: call.call)
          result.inputCoverage = call.inputCoverage
          result.tensors = Array(rest.prefix(call.tensors.count))
          rest = rest.dropFirst(call.tensors.count)
          return result
        })
    }
    var failures = options.failures(in: run.steps)
    var notes: [String] = []
    if !run.manifest.isComplete {
      if options.steps == nil {
        failures.append(.incompleteRun(path: run.path, steps: run.steps.count))
      } else {
        notes.append("\(run.path) was cut while it was recorded; it has its complete steps only")
      }
    }
    return RunHealth(
      path: run.path, manifest: run.manifest, options: options, steps: steps, failures: failures,
      notes: notes)
  }

  /// Traces what was measured.
  package init(
    path: String, manifest: RunManifest, options: HealthOptions = .init(), steps: [MeasuredStep],
    failures: [HealthFailure] = [], notes: [String] = []
  ) {
    self.path = path
    self.manifest = manifest
    self.options = options
    self.failures = failures
    self.notes = notes
    let steps = steps.withoutAwakening
    for step in steps { add(step) }
    trace(steps)
    if summary.elements == 0, !failures.contains(where: \.saysThatThereIsNothing) {
      self.failures.append(.nothingChecked)
    }
    addNotes(steps)
  }

  private mutating func add(_ step: MeasuredStep) {
    var calls: [Call] = []
    for position in step.completionOrder {
      let measured = step.calls[position]
      var call = Call(call: measured.call, checkedCount: 0, unchecked: [])
      for tensor in measured.tensors {
        switch tensor.outcome {
        case .measured(let figures, _):
          call.checkedCount += 1
          summary.elements += figures.census.elementCount
          if figures.census.details == nil { summary.digests += 1 }
        case .skipped(let reason):
          summary.skipped += 1
          call.unchecked.append(Unchecked(key: tensor.key, cause: .skipped, reason: reason))
        case .notRecorded(let reason):
          summary.notRecorded += 1
          call.unchecked.append(Unchecked(key: tensor.key, cause: .notRecorded, reason: reason))
        case .unreadable(let reason):
          summary.unreadable += 1
          call.unchecked.append(Unchecked(key: tensor.key, cause: .unreadable, reason: reason))
        }
      }
      summary.tensors += call.checkedCount
      calls.append(call)
    }
    summary.calls += calls.count
    self.steps.append(Step(index: step.index, calls: calls))
  }

  private mutating func trace(_ steps: [MeasuredStep]) {
    var heirs: [String: HealthKinds] = [:]
    var born: [String: HealthKinds] = [:]
    var positions: [FindingName: Int] = [:]
    for step in steps {
      // A module that makes it anew in every step is no heir.
      var earlier = heirs
      for (module, kinds) in born { earlier[module]?.subtract(kinds) }
      var tracer = HealthTracer(step, earlier: earlier)
      tracer.trace()
      summary.masked += tracer.excusedCount
      inherited.merge(tracer.inherited, uniquingKeysWith: +)
      for finding in tracer.findings {
        born[finding.call.module, default: []].insert(.only(finding.kind))
        let name = FindingName(finding)
        if let position = positions[name] {
          findings[position].stepCount += 1
        } else {
          positions[name] = findings.count
          findings.append(finding)
        }
      }
      for (module, kinds) in tracer.heirs {
        // What is dead by what a step was given is not kept for the next one.
        heirs[module, default: []].formUnion(kinds.subtracting(.dead))
      }
    }
    findings = findings.enumerated()
      .sorted { ($0.element.kind, $0.offset) < ($1.element.kind, $1.offset) }.map(\.element)
  }

  private mutating func addNotes(_ steps: [MeasuredStep]) {
    func tensors(_ count: Int) -> String { "\(count) tensor\(count == 1 ? "" : "s")" }
    if summary.skipped > 0, let first = unchecked(.skipped).first {
      notes.append(
        "\(tensors(summary.skipped)) could not be checked, because their elements were not recorded; "
          + "the first is \(first.key): \(first.reason)")
    }
    if summary.digests > 0 {
      notes.append(
        "of \(tensors(summary.digests)) only digests tell: NaN, infinity, the smallest and the "
          + "largest element; not subnormals, saturation of fp8 and rows of masks")
    }
    if summary.masked > 0 {
      notes.append(
        "\(tensors(summary.masked)) among the inputs, not known as masks, have -inf or very low "
          + "numbers that a mask explains: nothing of it comes out of the modules that were given them"
      )
    }
    if !findings.isEmpty, let step = steps.first(where: { !$0.isOrderRecorded }) {
      notes.append(
        "the order of the calls of step \(step.index) was not recorded, so which of them came first "
          + "is a guess by their names")
    }
  }
}

/// What makes findings of several steps one.
private struct FindingName: Hashable {
  var kind: HealthKind
  var call: CallKey
  var slot: String

  init(_ finding: HealthFinding) {
    kind = finding.kind
    call = finding.call.ofAnyStep
    slot = finding.tensor.slot.rawValue
  }
}

extension CallKey {
  /// What the same call of all steps has in common.
  fileprivate var ofAnyStep: CallKey { CallKey(step: 0, module: module, index: index) }
}

extension HealthFailure {
  fileprivate var saysThatThereIsNothing: Bool {
    if case .nothingRecorded = self { true } else { false }
  }
}

extension HealthOptions {
  /// What was selected and is not there.
  fileprivate func failures(in records: [StepRecord]) -> [HealthFailure] {
    let known = Set(records.map(\.index))
    let chosen = steps.map(Set.init)
    let modules = Set(
      records.filter { chosen?.contains($0.index) ?? true }.flatMap { $0.calls.map(\.call.module) })
    return (chosen ?? []).subtracting(known).sorted().map(HealthFailure.stepMatchesNothing)
      + (self.modules ?? []).filter { !modules.contains(where: $0.matches) }
      .map { .patternMatchesNothing($0.source) }
      + (self.modules ?? []).compactMap(\.unfinished).map(HealthFailure.unfinishedPattern)
  }
}

extension [MeasuredStep] {
  /// The steps without the zeros, and the constants, of calls that are alive: by another output, or
  /// in another step.
  ///
  /// At position 0 every sine is 0 and every cosine 1, and cross-attention returns zeros for a bias. A
  /// single row in a whole run says nothing.
  fileprivate var withoutAwakening: [MeasuredStep] {
    var deadRows: [CallKey: Int] = [:]
    for step in self {
      for call in step.calls {
        if let rows = call.deadRowCount { deadRows[call.call.ofAnyStep, default: 0] += rows }
      }
    }
    for step in self where !deadRows.isEmpty {
      for call in step.calls where call.isAlive { deadRows[call.call.ofAnyStep] = nil }
    }
    var steps = self
    for step in steps.indices {
      for call in steps[step].calls.indices {
        let measured = steps[step].calls[call]
        guard measured.tensors.contains(where: \.isDead) else { continue }
        guard deadRows[measured.call.ofAnyStep] ?? 0 < 2 else { continue }
        for position in measured.tensors.indices
        where measured.tensors[position].key.slot.side != .inputs {
          steps[step].calls[call].tensors[position].clearDead()
        }
      }
    }
    return steps
  }
}

extension MeasuredCall {
  /// The outputs that tell whether the call is dead: floats of more than one element.
  private var tellingOutputs: [MeasuredTensor] {
    tensors.filter { tensor in
      guard tensor.key.slot.side == .outputs, let figures = tensor.figures else { return false }
      return figures.dtype.floatLimits != nil && figures.census.elementCount > 1
    }
  }

  fileprivate var isAlive: Bool { tellingOutputs.contains { !$0.isDead } }

  /// The most rows of an output, where all outputs are dead; `nil` where none or not all are.
  fileprivate var deadRowCount: Int? {
    let outputs = tellingOutputs
    guard !outputs.isEmpty, outputs.allSatisfy(\.isDead) else { return nil }
    return outputs.compactMap { tensor in
      tensor.figures.map { $0.census.elementCount / Swift.max($0.shape.rowLength, 1) }
    }.max()
  }
}
