import AssayBase
package import AssayRuns
import AssayTensors

extension ToleranceRules {
  /// Tries the rules on what was recorded, and finds those that can only flake or never fail.
  ///
  /// Nothing is concluded from formulas: each tensor is compared with a changed copy of itself under
  /// the rule that decides about it, as a comparison would.
  ///
  /// - Parameters:
  ///   - runs: Runs whose tensors they are for.
  ///   - progress: Called with the number of tensors done and their total, from any thread.
  /// - Returns: What was found, in the order of the rules, tensors without a rule last.
  /// - Throws: ``RunError`` for a tensor that cannot be read,
  ///   ``ComparisonError/nothingToTry(paths:)``, ``ComparisonError/unfinishedPattern(_:)``.
  /// - Complexity: A few passes over every tensor, and two copies of it.
  package func findings(
    on runs: [any RunReader], progress: (@Sendable (Int, Int) -> Void)? = nil
  ) throws -> [ToleranceFinding] {
    let tensors = runs.flatMap { run in
      run.steps.flatMap { step in
        step.calls.flatMap { call in
          call.tensors.filter(\.isStored).map { (run: run, key: $0.key) }
        }
      }
    }
    guard !tensors.isEmpty else {
      throw ComparisonError.nothingToTry(paths: runs.map(\.path))
    }
    let criteria = TensorCriteria(.rules(self))
    let options = ComparisonOptions()
    let trials = concurrentMap(count: tensors.count, progress: progress) { position in
      Result {
        let (run, key) = tensors[position]
        return try ToleranceTrial(run.tensor(key), key, self, criteria, options)
      }
    }
    var findings = Findings(rules: self)
    for (trial, tensor) in zip(trials, tensors) { findings.add(try trial.get(), tensor.key) }
    if let pattern = unfinishedPattern { throw ComparisonError.unfinishedPattern(pattern) }
    return findings.all
  }
}

/// Gathers what the trials of single tensors found.
private struct Findings {
  private struct Name: Hashable {
    var rule: Int?
    var kind: ToleranceFinding.Kind
  }

  private let rules: ToleranceRules
  private var found: [Name: ToleranceFinding] = [:]
  private var deciding: Set<Int> = []
  /// For rules that an earlier one kept from deciding, how often each did.
  private var rivals: [Int: [Int: Int]] = [:]

  init(rules: ToleranceRules) { self.rules = rules }

  mutating func add(_ trial: ToleranceTrial, _ key: TensorKey) {
    if let rule = trial.rule { deciding.insert(rule) }
    for later in trial.matching where later != trial.rule {
      if let rule = trial.rule { rivals[later, default: [:]][rule, default: 0] += 1 }
    }
    for (kind, detail) in trial.kinds {
      let name = Name(rule: trial.rule, kind: kind)
      found[
        name,
        default: ToleranceFinding(
          kind: kind, rule: trial.rule, count: 0, first: key, detail: detail)
      ].count += 1
    }
  }

  var all: [ToleranceFinding] {
    var all = Array(found.values)
    for rule in rules.rules.indices where !deciding.contains(rule) {
      guard let rivals = rivals[rule] else {
        all.append(ToleranceFinding(kind: .matchesNothing, rule: rule, count: 0))
        continue
      }
      let first = rivals.min { ($1.value, $0.key) < ($0.value, $1.key) }
      all.append(
        ToleranceFinding(
          kind: .neverDecides, rule: rule, count: rivals.values.reduce(0, +),
          detail: first.map { "rule \($0.key + 1) decides instead" }))
    }
    let kinds = ToleranceFinding.Kind.allCases
    return all.sorted {
      let order = [$0, $1].map {
        ($0.rule ?? .max, kinds.firstIndex(of: $0.kind) ?? kinds.endIndex)
      }
      return order[0] < order[1]
    }
  }
}
