import AssayComparison
import AssayRuns
import AssayTensors

/// The sentences that explain an error, without a full stop: every report has the same.
extension RunComparison {
  /// Whether the call that contains the first divergence made the error by its own code; `nil` where
  /// there is none that can have.
  func birthCauseText(_ markup: Markup) -> String? {
    guard let birth = birthModule else { return nil }
    switch birth.origin?.cause {
    case .introduced:
      return "\(markup.strong("introduced")) by the code of \(markup.name(birth.call)): "
        + "all its recorded inputs match"
    case .unknown:
      return "\(markup.strong("unknown")) whether \(markup.name(birth.call)) introduced it: "
        + birth.unknownText(markup)
    default: return nil
    }
  }

  /// Whether the call of the first divergence made the error or was handed it, and by how much its
  /// inputs and outputs differ.
  ///
  /// - Parameter words: What the runs are called.
  func causeText(_ words: FailureSentence, _ markup: Markup) -> String? {
    guard let divergence = firstDivergence else { return nil }
    let origin = divergence.origin
    let module = module(divergence.call)
    func by(_ error: String?) -> String { error.map { " by \($0)" } ?? "" }
    let input = by(origin.inputError.map(MarkdownText.number))
    let output = by(module?.outputErrorText(beside: divergence.tensor, markup))
    let (given, word) = ("given \(words.expected)'s inputs", markup.strong(origin.cause.rawValue))
    var text: String
    switch origin.cause {
    case .introduced where options.isIsolated:
      text = "\(word) here: \(given), its outputs differ\(output)"
    case .inherited where options.isIsolated:
      text =
        "\(word) from the code around it: what it was to be given differs\(input); \(given), it "
        + "makes no error"
    case .introduced:
      let inputs =
        origin.inputError == 0
        ? "its inputs are equal"
        : "its inputs match, though not exactly (\(MarkdownText.number(origin.inputError)))"
      text = "\(word) here: \(inputs), its outputs differ\(output)"
    case .inherited:
      text =
        origin.inside.map { "\(word) from \(markup.name($0)), which it contains" }
        ?? "\(word): its inputs already differ\(input), its outputs\(output)"
    case .amplified, .absorbed:
      text =
        "\(markup.strong(ErrorCause.inherited.rawValue)) and \(word): its inputs already "
        + "differ\(input), its outputs\(output)"
    case .unknown where origin.earlierStep != nil:
      text =
        "\(word) whether introduced or inherited: its inputs match and its outputs differ\(output), "
        + "but it failed in step \(origin.earlierStep ?? 0) too, and what it keeps between steps, "
        + "such as a key-value cache, is not recorded"
    case .form:
      return "\(word): " + (module?.formText(of: divergence.tensor, markup) ?? "another form")
    case .unknown:
      let reason = module?.unknownText(markup) ?? "not all its inputs were compared"
      text = "\(word) whether introduced or inherited: \(reason); its outputs differ\(output)"
    }
    if !options.isIsolated, let growth = origin.growth, growth.isFinite {
      text += "; the error grew \(MarkdownText.number(growth))-fold"
    }
    return text
      + (divergence.tensor.isEstimated
        ? " (relative L2, estimated from digests)" : " (relative L2 of the worst row)")
  }

  /// Where values that are not finite were born; `nil` where none differ.
  func nonFiniteText(_ markup: Markup) -> String? {
    guard let birth = firstNonFinite else { return nil }
    let statistics = birth.tensor.actualStatistics ?? TensorStatistics()
    var text =
      "NaN or infinite values differ first in step \(birth.call.step) at \(markup.name(birth.call)), "
      + "\(markup.code(birth.tensor.slot.rawValue)): \(statistics.nanCount) NaN and "
      + "\(statistics.infCount) infinite of "
      + MarkdownText.count(statistics.elementCount, "element")
      + MarkdownText.index(
        birth.tensor.difference?.firstNonFiniteDifferenceIndex, birth.tensor.valueShape,
        ", the first at ", "")
    switch birth.origin.cause {
    case .introduced: text += "; they were \(markup.strong("born")) there"
    case .unknown:
      text +=
        "; whether they were born there is \(markup.strong("unknown")): not all its inputs were "
        + "compared"
    default: break
    }
    return text + bornText(birth, markup)
  }

  /// Where values begin to differ that the tolerance allows; `nil` where none do.
  func firstDifferenceText(_ markup: Markup) -> String? {
    guard let difference = firstDifference, difference.tensor.verdict == .match else { return nil }
    return
      "values begin to differ in step \(difference.call.step) at \(markup.name(difference.call)), "
      + "\(markup.code(difference.tensor.slot.rawValue)) (\(difference.tensor.errorText))"
      + bornText(difference, markup)
  }

  private func bornText(_ divergence: Divergence, _ markup: Markup) -> String {
    divergence.origin.birthplace.map { ": born \($0.text(markup.name(_:within:)))" } ?? ""
  }
}
