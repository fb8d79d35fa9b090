import AssayComparison
import AssayRuns
import AssayTensors

extension RunComparison {
  /// One call's result.
  func module(_ call: CallKey) -> ModuleResult? {
    steps.first { $0.index == call.step }?.modules.first { $0.call == call }
  }

  /// The call that made the first error, where that is one that contains the call that shows it.
  var birthModule: ModuleResult? {
    guard let divergence = firstDivergence, let call = divergence.birthCall else { return nil }
    return module(call)
  }

  /// Where the runs part, as a headline says it: the place at which the first error was born, and
  /// whether that is known to have made it.
  ///
  func birthText(_ markup: Markup) -> String? {
    let name = markup.name(_:within:)
    guard let divergence = firstDivergence else { return nil }
    let step = "in step \(divergence.call.step)"
    let origin = divergence.origin
    guard divergence.tensor.verdict.isDivergence else {
      return "\(name(divergence.call, nil)) \(step)"
    }
    if let otherInputs {
      return "\(name(otherInputs.call, nil)) \(step), given other inputs"
    }
    guard let place = origin.birthplace, place.side == .inputs, place.inside != divergence.call,
      place.inside != nil || place.after != nil
    else {
      return "\(name(divergence.call, nil)) \(step), \(origin.cause.words)"
    }
    // The place within the call, whose name the headline begins with.
    var within = place
    within.inside = nil
    guard let inside = place.inside else {
      return "code around \(name(divergence.call, nil)) \(step), "
        + within.text { call, _ in name(call, nil) }
    }
    let cause = birthModule?.origin?.cause ?? .unknown
    return "\(name(inside, nil)) \(step), \(cause.words): born "
      + within.text { call, _ in name(call, inside) }
  }

  /// What the runs were given otherwise, in one sentence without a full stop.
  ///
  /// - Parameter words: What the runs are called.
  func otherInputsText(_ words: FailureSentence, _ markup: Markup) -> String? {
    guard let otherInputs else { return nil }
    let limit = 3
    let rest = otherInputs.tensors.count - limit
    let parts = otherInputs.tensors.prefix(limit).map { tensor in
      let found =
        if tensor.hasFormVerdict {
          "has \(tensor.reason ?? "another form")"
        } else if let difference = tensor.difference {
          "of shape \(tensor.shape?.description ?? "[]") differs in "
            + "\(difference.mismatchedCount) of "
            + MarkdownText.count(difference.elementCount, "element")
        } else {
          "differs"
        }
      return "\(markup.code(tensor.slot.rawValue)) \(found)"
    }
    return "\(words.actual) was given other inputs than \(words.expected): of "
      + "\(markup.name(otherInputs.call)), the first recorded call, \(parts.joined(separator: ", "))"
      + (rest > 0 ? " and \(rest) more" : "") + "; what follows differs for that reason"
  }
}

extension TensorResult {
  /// Whether it has another shape or dtype.
  var hasFormVerdict: Bool { verdict == .shape || verdict == .dtype }
}

extension ModuleResult {
  /// By how much the outputs differ; each under its name, where the largest is another than the one
  /// that a report shows.
  func outputErrorText(beside shown: TensorResult, _ markup: Markup) -> String? {
    guard let largest = outputError else { return nil }
    let number = MarkdownText.number
    let results = tensors.filter { $0.slot.side != .inputs }
    guard results.count > 1, let worst = results.first(where: { $0.error == largest }),
      shown.slot.side != .inputs, shown.slot != worst.slot, let error = shown.error
    else { return number(largest) }
    return "\(number(error)) (\(markup.code(shown.slot.rawValue))) and at most \(number(largest)) "
      + "(\(markup.code(worst.slot.rawValue)))"
  }

  /// Why it cannot be told whether the call made its error.
  func unknownText(_ markup: Markup) -> String {
    switch origin?.inputCoverage {
    case .positional: return "what it was given by keyword is not in the runs"
    case .state, .filledState:
      return
        "it was handed an object that is kept and changed, such as a key-value cache, which is "
        + "not compared"
    case .partial: return "not all that it was given is in the runs"
    case .all, nil: break
    }
    if let input = tensors.first(where: { $0.slot.side == .inputs && $0.hasFormVerdict }) {
      return
        "its \(markup.code(input.slot.rawValue)) has another \(input.verdict.rawValue) in the two runs"
    }
    let missing = tensors.first {
      $0.slot.side == .inputs
        && ($0.verdict == .missingInActual || $0.verdict == .missingInExpected)
    }
    if let missing { return "only one run has its \(markup.code(missing.slot.rawValue))" }
    return "not all its inputs were compared"
  }

  /// What is to be said of another shape or dtype.
  func formText(of tensor: TensorResult, _ markup: Markup) -> String {
    let slot = "its \(markup.code(tensor.slot.rawValue)) has another \(tensor.verdict.rawValue)"
    if tensor.slot.side == .inputs { return "\(slot); of values nothing is known to differ here" }
    let inputs = tensors.filter { $0.slot.side == .inputs }
    let known =
      inputs.contains { $0.hasFormVerdict }
      ? ", and so has what it was given"
      : inputs.isEmpty || !inputs.allSatisfy({ $0.verdict == .match })
        ? "" : ", though its inputs match"
    return slot + known
  }
}

extension ErrorCause {
  /// The cause after a comma.
  var words: String {
    switch self {
    case .unknown: "cause unknown"
    case .form: "another form"
    default: rawValue
    }
  }
}
