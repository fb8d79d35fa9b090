import AssayComparison
import AssayRuns
import AssayTensors

/// Says in one sentence what is wrong with a tensor, or with the call or the step that it misses.
struct FailureSentence {
  /// What the run under test is called, such as `the run`.
  var actual: String
  /// What the reference is called, such as `the golden`.
  var expected: String

  static let ofReplay = FailureSentence(actual: "the run", expected: "the golden")
  static let ofRuns = FailureSentence(actual: "the actual run", expected: "the expected run")

  /// The sentence, without a full stop.
  func text(_ tensor: TensorResult, of module: ModuleResult, in step: StepResult) -> String {
    switch step.verdict {
    case .missingInActual:
      return "step \(step.index) is missing: \(expected) has it, \(actual) does not"
    case .missingInExpected:
      return "step \(step.index) is extra: \(actual) has it, \(expected) does not"
    default: break
    }
    let name = PlainText.name(module.call)
    switch module.verdict {
    case .missingInActual:
      return "module \(name) is missing in step \(step.index): \(expected) calls it, "
        + "\(actual) does not"
    case .missingInExpected:
      return "module \(name) is extra in step \(step.index): \(actual) calls it, "
        + "\(expected) does not"
    default:
      return "\(name) in step \(step.index): \(text(tensor))"
    }
  }

  /// What is wrong with a tensor of a call that both runs have.
  func text(_ tensor: TensorResult) -> String {
    let name = PlainText.name(tensor)
    // Of ranks it ends with what their tensors do match as.
    let isOfRanks = tensor.verdict == .placement || tensor.verdict == .replicas
    let reason = tensor.reason.map { PlainText.line($0, limit: isOfRanks ? 600 : 240) }
    switch tensor.verdict {
    case .values, .mismatch: return values(tensor, name, reason)
    case .shape, .dtype:
      return "\(name) has \(reason ?? "another \(tensor.verdict.rawValue)")"
    case .missingInActual:
      return "\(name) is missing: \(reason ?? "only \(expected) has it")"
    case .missingInExpected:
      return "\(name) is extra: \(reason ?? "only \(actual) has it")"
    case .unreadable: return "\(name) could not be read: \(reason ?? "no reason is known")"
    case .notRecorded: return "\(name) was not recorded: \(reason ?? "no reason is known")"
    case .placement:
      return "\(name) is not placed as declared: \(reason ?? "no reason is known")"
    case .replicas: return "\(name) differs between ranks: \(reason ?? "no reason is known")"
    case .skipped: return "\(name) was skipped\(reason.map { ": " + $0 } ?? "")"
    case .notComputed: return "\(name): \(reason ?? "no row was computed by both runs")"
    case .match: return "\(name) matches"
    }
  }

  private func values(_ tensor: TensorResult, _ name: String, _ reason: String?) -> String {
    guard let difference = tensor.difference else {
      return "\(name) is outside the tolerance\(reason.map { ": " + $0 } ?? "")"
    }
    let outside =
      "\(difference.mismatchedCount) of \(MarkdownText.count(difference.elementCount, "element"))"
    let (ours, theirs) = (difference.actualStatistics, difference.expectedStatistics)
    let found: String? =
      if difference.nonFiniteDifferenceCount > 0 {
        if ours.nanCount > theirs.nanCount {
          "\(ours.nanCount) NaN where \(expected) has \(none(theirs.nanCount))"
        } else if ours.infCount > theirs.infCount {
          "\(ours.infCount) infinite values where \(expected) has \(none(theirs.infCount))"
        } else {
          "other NaN or infinite values than \(expected), at "
            + MarkdownText.count(difference.nonFiniteDifferenceCount, "position")
        }
      } else if ours.nanCount > 0, difference.mismatchedCount <= ours.nanCount, reason == nil {
        "\(ours.nanCount) NaN, as \(expected) has, but NaN does not match NaN under this tolerance"
      } else {
        nil
      }
    if let found {
      let place = MarkdownText.index(
        difference.firstNonFiniteDifferenceIndex, tensor.valueShape, " (first at ", ")")
      return "\(name) has \(found)\(place); \(outside) outside the tolerance"
    }
    if let reason { return "\(name) is outside the tolerance: \(reason)" }
    return "\(name) has \(outside) \(tensor.exactness ?? "outside the tolerance")"
  }

  private func none(_ count: Int) -> String { count == 0 ? "none" : "\(count)" }
}

extension TensorResult {
  /// What is wrong with elements of a dtype that is compared exactly; `nil` for others.
  var exactness: String? {
    dtype.flatMap { isExact ? "that differ, and \($0.rawValue) is compared exactly" : nil }
  }
}

extension RunComparison {
  /// A failing tensor and where it stands.
  struct FailingTensor {
    var step: StepResult
    var module: ModuleResult
    var tensor: TensorResult
  }

  /// The first failing tensor that passes a test, in execution order.
  func firstFailing(where isWanted: (FailingTensor) -> Bool = { _ in true }) -> FailingTensor? {
    for step in steps where step.verdict.isFailure {
      for module in step.modules where module.verdict.isFailure {
        for tensor in module.tensors where tensor.verdict.isFailure {
          let failing = FailingTensor(step: step, module: module, tensor: tensor)
          if isWanted(failing) { return failing }
        }
      }
    }
    return nil
  }

  /// The first divergence with the step and the module call that it belongs to.
  var divergingTensor: FailingTensor? {
    guard let divergence = firstDivergence,
      let step = steps.first(where: { $0.index == divergence.call.step }),
      let module = step.modules.first(where: { $0.call == divergence.call })
    else { return nil }
    return FailingTensor(step: step, module: module, tensor: divergence.tensor)
  }
}
