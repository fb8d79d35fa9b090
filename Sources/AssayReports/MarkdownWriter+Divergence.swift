import AssayComparison
import AssayRuns
import AssayTensors

extension MarkdownWriter {
  var firstDivergence: String {
    guard let divergence = comparison.firstDivergence else { return "" }
    let tensor = divergence.tensor
    var text = "## First divergence\n\n" + birth(divergence)
    text +=
      "\(name(divergence.call)) in step \(divergence.step): \(MarkdownText.code(tensor.slot.rawValue))"
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
    if comparison.otherInputs == nil, tensor.verdict.isDivergence {
      text += "\n" + cause(divergence)
    }
    text += earlierGaps(divergence)
    if let difference = tensor.difference, difference.elementCount > 0 {
      text += "\n" + figures(difference, tensor)
    } else if let estimate = tensor.estimate {
      text += "\n" + MarkdownText.table(["figure", "value"], estimate.rows)
    }
    return text
  }

  /// What the runs were given otherwise.
  var otherInputs: String? {
    comparison.otherInputsText(words: .ofRuns, { name($0) }, MarkdownText.code)
  }

  private func cause(_ divergence: Divergence) -> String {
    let origin = divergence.origin
    let module = comparison.module(divergence.call, inStep: divergence.step)
    let output =
      module?.outputErrorText(beside: divergence.tensor, MarkdownText.code).map { " by \($0)" }
      ?? ""
    var text: String
    switch origin.cause {
    case .introduced where comparison.options.isIsolated:
      text =
        "**Introduced** here: it was given the expected inputs, and its outputs differ\(output)"
    case .inherited where comparison.options.isIsolated:
      let input = origin.inputError.map { " by \(MarkdownText.number($0))" } ?? ""
      text =
        "**Inherited** from the code around it: what it was to be given differs\(input); given the "
        + "expected inputs, it makes no error"
    case .introduced:
      let inputs =
        origin.inputError == 0
        ? "its inputs are equal"
        : "its inputs match, though not exactly (\(MarkdownText.number(origin.inputError)))"
      text = "**Introduced** here: \(inputs), its outputs differ\(output)"
    case .inherited:
      let input = origin.inputError.map { " by \(MarkdownText.number($0))" } ?? ""
      text =
        origin.inside.map { "**Inherited** from \(name($0)), which it contains" }
        ?? "**Inherited**: its inputs already differ\(input), its outputs\(output)"
    case .amplified, .absorbed:
      let input = origin.inputError.map { " by \(MarkdownText.number($0))" } ?? ""
      text =
        "**Inherited** and **\(origin.cause.rawValue)**: its inputs already differ\(input), its "
        + "outputs\(output)"
    case .unknown where origin.earlierStep != nil:
      text =
        "Introduced or inherited is **unknown**: its inputs match and its outputs differ\(output), "
        + "but it failed in step \(origin.earlierStep ?? 0) too, and what it keeps between steps, "
        + "such as a key-value cache, is not recorded"
    case .form:
      let form = module?.formText(of: divergence.tensor, MarkdownText.code)
      return "**Form**: \(form ?? "another shape or dtype").\n"
    case .unknown:
      let reason = module?.unknownText(MarkdownText.code) ?? "not all its inputs were compared"
      text =
        "Introduced or inherited is **unknown**: \(reason); its outputs differ\(output)"
    }
    if let growth = origin.growth, growth.isFinite {
      text += "; the error grew \(MarkdownText.number(growth))-fold"
    }
    text +=
      divergence.tensor.isEstimated
      ? " (relative L2, estimated from digests).\n" : " (relative L2 of the worst row).\n"
    return text
  }

  /// Where the error was born, and whether that call is known to have made it.
  private func birth(_ divergence: Divergence) -> String {
    guard comparison.otherInputs == nil, let place = divergence.origin.birthplace else { return "" }
    let made = divergence.birthCall.map { responsible($0, step: divergence.step) } ?? ""
    return "The error was born \(describe(place)).\(made)\n\n"
  }

  /// A birthplace with its names as code.
  private func describe(_ place: Birthplace) -> String {
    place.text { name($0, within: $1) }
  }

  private func responsible(_ call: ModuleCall, step: Int) -> String {
    let module = comparison.module(call, inStep: step)
    switch module?.origin?.cause {
    case .introduced:
      return " \(name(call)) itself **introduced** it: all its recorded inputs match."
    case .unknown:
      let reason = module?.unknownText(MarkdownText.code) ?? "its inputs were not all compared"
      return " Whether \(name(call)) introduced it is **unknown**: \(reason)."
    default:
      return ""
    }
  }

  /// Says when something before the divergence could not be compared.
  private func earlierGaps(_ divergence: Divergence) -> String {
    var gaps = 0
    var forms = 0
    search: for step in comparison.steps {
      for module in step.modules {
        if step.step == divergence.step && module.call == divergence.call { break search }
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
    var rows: [[String]] = []
    if let worst = difference.maxAbsMismatched ?? difference.maxAbs {
      rows.append(["largest difference", element(worst, tensor)])
    }
    if let worst = difference.maxRelMismatched ?? difference.maxRel {
      rows.append(["largest relative difference", element(worst, tensor)])
    }
    if let row = difference.worstRow {
      rows.append(["worst row, relative L2", self.row(row, tensor)])
    }
    if difference.nonFiniteDifferenceCount > 0 {
      rows.append([
        "NaN or infinite on one side",
        MarkdownText.count(difference.nonFiniteDifferenceCount, "element")
          + index(difference.firstNonFiniteDifferenceIndex, tensor.valueShape, " first at "),
      ])
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

  func element(_ extreme: Difference.Extreme, _ tensor: TensorResult) -> String {
    MarkdownText.number(extreme.value) + index(extreme.index, tensor.valueShape, " at ")
      + ": actual \(MarkdownText.value(extreme.actual, tensor.dtype)), "
      + "expected \(MarkdownText.value(extreme.expected, tensor.dtype))"
  }

  func row(_ row: Difference.Row, _ tensor: TensorResult) -> String {
    guard let shape = tensor.valueShape, shape.rank > 1 else {
      return MarkdownText.number(row.value)
    }
    return "\(MarkdownText.number(row.value)) at row \(Metrics.rowIndex(ofRow: row.row, shape))"
  }

  func index(_ offset: Int?, _ shape: Shape?, _ prefix: String) -> String {
    MarkdownText.index(offset, shape, prefix, "")
  }

  /// Where values that are not finite were born, and what their module was given.
  var nonFinite: String {
    guard let birth = comparison.firstNonFinite else { return "" }
    let statistics = birth.tensor.actualStatistics ?? TensorStatistics()
    var text =
      "## NaN and Inf\n\nNaN or infinite values differ first in step \(birth.step) at "
      + "\(name(birth.call)), \(MarkdownText.code(birth.tensor.slot.rawValue)): "
      + "\(statistics.nanCount) NaN and \(statistics.infCount) infinite of "
      + MarkdownText.count(statistics.elementCount, "element")
      + index(
        birth.tensor.difference?.firstNonFiniteDifferenceIndex, birth.tensor.valueShape,
        ", the first at ")
    switch birth.origin.cause {
    case .introduced: text += ". They were **born** there"
    case .unknown:
      text += ". Whether they were born there is **unknown**: not all its inputs were compared"
    default: break
    }
    if let place = birth.origin.birthplace { text += ": born \(describe(place))" }
    text += ".\n"
    let module = comparison.module(birth.call, inStep: birth.step)
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
    if let divergence = comparison.firstDivergence, divergence.step == difference.step,
      divergence.call == difference.call, divergence.tensor.slot == difference.tensor.slot
    {
      return ""
    }
    guard difference.tensor.verdict == .match else { return "" }
    var text =
      "## First difference within the tolerance\n\nValues begin to differ in step "
      + "\(difference.step) at \(name(difference.call)), "
      + "\(MarkdownText.code(difference.tensor.slot.rawValue)) "
      + "(\(difference.tensor.errorText))"
    if let place = difference.origin.birthplace { text += ": born \(describe(place))" }
    return text + ".\n"
  }

  /// The calls that made an error of their own.
  var introduced: String {
    let calls = comparison.introduced
    guard calls.count > 1 || (calls.count == 1 && calls[0].call != comparison.firstDivergence?.call)
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
