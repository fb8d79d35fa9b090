import AssayComparison
import AssayRuns
import AssayTensors

extension MarkdownWriter {
  var firstDivergence: String {
    guard let divergence = comparison.firstDivergence else { return "" }
    let tensor = divergence.tensor
    var text = "## First divergence\n\n" + birth(divergence)
    text +=
      "\(name(divergence.call)) in step \(divergence.call.step): \(MarkdownText.code(tensor.slot.rawValue))"
      + " on \(MarkdownText.code(tensor.device.name)) "
    switch tensor.verdict {
    case .values where tensor.reason == nil:
      let difference = tensor.difference ?? Difference()
      text +=
        "has \(difference.mismatchedCount) of "
        + "\(MarkdownText.count(difference.elementCount, "element")) "
        + (tensor.exactness ?? "outside the tolerance") + ".\n"
    default:
      text += "fails: \(MarkdownText.plain(tensor.reason ?? tensor.verdict.rawValue)).\n"
    }
    if comparison.otherInputs == nil, tensor.verdict.isDivergence,
      let cause = comparison.causeText(.ofRuns, .markdown)
    {
      text += "\n\(cause.asSentence).\n"
    }
    text += earlierGaps(divergence)
    if let difference = tensor.difference, difference.elementCount > 0 {
      text += "\n" + figures(difference, tensor)
    } else if tensor.estimate != nil {
      text += "\n" + MarkdownText.table(["figure", "value"], measured(tensor))
    }
    return text
  }

  /// What the runs were given otherwise.
  var otherInputs: String? {
    comparison.otherInputsText(.ofRuns, .markdown)
  }

  /// Where the error was born, and whether that call is known to have made it.
  private func birth(_ divergence: Divergence) -> String {
    guard comparison.otherInputs == nil, let place = divergence.origin.birthplace else { return "" }
    let cause = comparison.birthCauseText(.markdown).map { " \($0.asSentence)." } ?? ""
    return "The error was born \(place.text(Markup.markdown.name(_:within:))).\(cause)\n\n"
  }

  /// Says when something before the divergence could not be compared.
  private func earlierGaps(_ divergence: Divergence) -> String {
    var gaps = 0
    var forms = 0
    search: for step in comparison.steps {
      for module in step.modules {
        if step.index == divergence.call.step && module.call == divergence.call { break search }
        gaps += module.tensors.count { $0.verdict.isFailure && !$0.verdict.isDivergence }
        forms += module.tensors.count { $0.hasFormVerdict }
      }
    }
    return
      (gaps == 0
      ? ""
      : "\n\(MarkdownText.count(gaps, "tensor")) before it in execution order could not be "
        + "compared, so the error may be older.\n")
      + (forms == 0 || comparison.otherInputs != nil
        ? ""
        : "\n\(MarkdownText.count(forms, "tensor")) before it in execution order "
          + "\(forms == 1 ? "has" : "have") another shape or dtype.\n")
  }

  private func figures(_ difference: Difference, _ tensor: TensorResult) -> String {
    let hasMismatches = difference.maxAbsMismatched != nil
    var figures: [Metric] =
      hasMismatches ? [.maxAbsMismatched, .maxRelMismatched] : [.maxAbs, .maxRel]
    figures.append(.worstRow)
    if difference.nonFiniteDifferenceCount > 0 { figures.append(.nonFiniteDiffering) }
    var rows = figures.compactMap { metric in
      metric.reading(of: tensor).flatMap { _ in metric.whole(tensor) }.map { [metric.name, $0] }
    }
    rows.append(["smallest tolerance that passes", passing(difference, tensor)])
    return MarkdownText.table(["figure", "value"], rows)
  }

  /// Whether not single elements decide, but figures of the whole tensor.
  func isJudgedByBound(_ tensor: TensorResult) -> Bool {
    guard case .rules(let rules) = comparison.options.tolerance.kind, let position = tensor.rule,
      rules.rules.indices.contains(position), case .bound = rules.rules[position].criterion
    else { return false }
    return true
  }

  /// The bounds that would have passed, which are those that would have hidden the error.
  func passing(_ difference: Difference, _ tensor: TensorResult) -> String {
    let rule = comparison.options.tolerance.rule(for: tensor)
    let rtol = difference.minimumRtol
    let atol = difference.minimumAtol
    if let dtype = tensor.dtype, tensor.isExact {
      return "none: \(dtype.rawValue) is compared exactly, unless a rule names it"
    }
    if isJudgedByBound(tensor) { return "none: a bound of other figures decides" }
    if rtol.isInfinite, atol.isInfinite { return "none: NaN or infinite values differ" }
    var options: [String] = []
    if rtol.isFinite {
      options.append("rtol \(MarkdownText.bound(rtol)) at atol \(MarkdownText.exact(rule.atol))")
    }
    if atol.isFinite {
      options.append("atol \(MarkdownText.bound(atol)) at rtol \(MarkdownText.exact(rule.rtol))")
    }
    return options.joined(separator: ", or ")
  }

  func index(_ offset: Int?, _ shape: Shape?, _ prefix: String) -> String {
    MarkdownText.index(offset, shape, prefix, "")
  }

  /// Where values that are not finite were born, and what their module was given.
  var nonFinite: String {
    guard let birth = comparison.firstNonFinite,
      let sentence = comparison.nonFiniteText(.markdown)
    else { return "" }
    let text = "## NaN and Inf\n\n\(sentence).\n"
    let module = comparison.module(birth.call)
    let inputs = module?.tensors.filter { $0.slot.side == .inputs } ?? []
    guard !inputs.isEmpty else { return text }
    let rows = inputs.map { input -> [String] in
      let sides = [input.actualStatistics, input.expectedStatistics].compactMap { $0 }
      return [MarkdownText.code(input.slot.rawValue), input.dtype?.rawValue ?? "–"]
        + (sides.isEmpty
          ? [String](repeating: "–", count: 6)
          : sides.flatMap {
            [
              MarkdownText.number($0.min), MarkdownText.number($0.max),
              "\($0.nanCount + $0.infCount)",
            ]
          })
    }
    return text + "\n"
      + MarkdownText.table(
        [
          "its inputs", "dtype", "actual min", "max", "NaN or Inf", "expected min", "max",
          "NaN or Inf",
        ], rightAligned: [2, 3, 4, 5, 6, 7], rows)
  }

  /// Where an error began that the tolerance hid at first.
  var firstDifference: String {
    guard let difference = comparison.firstDifference else { return "" }
    if let divergence = comparison.firstDivergence, divergence.call.step == difference.call.step,
      divergence.call == difference.call, divergence.tensor.slot == difference.tensor.slot
    {
      return ""
    }
    return comparison.firstDifferenceText(.markdown).map {
      "## First difference within the tolerance\n\n\($0.asSentence).\n"
    } ?? ""
  }

  /// The calls that made an error of their own.
  var introduced: String {
    let calls = comparison.introduced
    guard calls.count > 1 || (calls.count == 1 && calls[0] != comparison.firstDivergence?.call)
    else { return "" }
    let limit = verbose ? calls.count : 50
    let isIsolated = comparison.options.isIsolated
    let rows = comparison.introducedByError.prefix(limit).map { step, module in
      let place = ["\(step)", name(module.call)]
      let output = MarkdownText.number(module.origin?.outputError)
      return isIsolated
        ? place + [output]
        : place + [
          MarkdownText.number(module.origin?.introducedError),
          MarkdownText.number(module.origin?.inputError), output,
          MarkdownText.number(module.origin?.growth),
        ]
    }
    let intro =
      isIsolated
      ? "These calls were given the expected inputs, and their outputs differ."
      : "The largest first. The inputs of these calls match within the tolerance and their outputs "
        + "do not, or their error grows far more than in their counterparts of other layers and "
        + "steps; what they add to it is then an estimate."
    let figures =
      isIsolated
      ? ["output error"] : ["introduced error", "input error", "output error", "growth"]
    var text =
      "## Introduced errors\n\n\(intro)\n\n"
      + MarkdownText.table(
        ["step", "module"] + figures, rightAligned: isIsolated ? [0, 2] : [0, 2, 3, 4, 5], rows)
    if calls.count > limit { text += "\n\(calls.count - limit) more are not shown.\n" }
    return text
  }
}
