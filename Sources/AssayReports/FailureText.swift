package import AssayComparison
import AssayRuns
import AssayTensors

/// Renders why a replay failed as a few lines of plain text, for a test's failure message.
package enum FailureText {
  /// The most bytes of UTF-8 that a text has.
  static let byteLimit = 4096

  /// Renders a failure.
  ///
  /// It says what made the golden: one that no test made is changed by approval only.
  ///
  /// - Parameters:
  ///   - comparison: What comparing the run with the golden came to.
  ///   - headline: What failed: the golden's name.
  ///   - goldenPath: The golden's file.
  ///   - reportPath: Where the whole report was written, or what holds it.
  ///   - rerecord: The command that records the golden again.
  /// - Returns: At most 20 lines and 4 KiB of UTF-8 under fixed labels, without a newline at the
  ///   end.
  package static func render(
    _ comparison: RunComparison, headline: String, goldenPath: String, reportPath: String? = nil,
    rerecord: String? = nil
  ) -> String {
    let writer = FailureTextWriter(comparison: comparison)
    let headline =
      PlainText.line("Golden \"\(headline)\" ", limit: 140)
      + (comparison.isMatch ? "matches." : "does not match: \(writer.sentence).")
    let golden = comparison.expected.manifest
    return text(
      headline, writer,
      [
        ("golden", goldenPath, 360), ("made by", origin(of: golden), 260),
        ("actual", comparison.actual.path, 360), ("report", reportPath, 360),
        ("re-record", rerecord, 300),
        ("to change", rerecord == nil ? change(of: golden, at: goldenPath) : nil, 460),
      ])
  }

  /// Renders how two recorded runs differ.
  ///
  /// - Parameters:
  ///   - comparison: What comparing them came to.
  ///   - reportPath: Where the whole report was written.
  /// - Returns: As many lines as of a golden, without a newline at the end.
  package static func render(
    runs comparison: RunComparison, reportPath: String? = nil
  ) -> String {
    let writer = FailureTextWriter(comparison: comparison, words: .ofRuns)
    let headline =
      "The actual run "
      + (comparison.isMatch
        ? "matches the expected one."
        : "does not match the expected one: \(writer.sentence).")
    return text(
      headline, writer,
      [
        ("actual", comparison.actual.path, 360), ("expected", comparison.expected.path, 360),
        ("report", reportPath, 360),
      ])
  }

  private static func text(
    _ headline: String, _ writer: FailureTextWriter, _ ends: [(String, String?, Int)]
  ) -> String {
    var lines = [headline] + writer.lines
    for (label, value, limit) in ends {
      guard let value, !value.isEmpty else { continue }
      lines.append(FailureTextWriter.line(label, value, limit))
    }
    return lines.joined(separator: "\n")
  }

  /// Where a golden comes from, and who answers for it.
  private static func origin(of golden: RunManifest) -> String {
    let approval = golden.provenance?.approvals?.last
    return "\(RunMaker(golden.provenance)); approved by "
      + (approval.map { "\($0.by) at \($0.date)" } ?? "nobody")
  }

  /// How a golden changes that is not a test's to record; `nil` for one that is.
  private static func change(of golden: RunManifest, at path: String) -> String? {
    guard golden.reasonNotToRecord(modelHash: nil) != nil else { return nil }
    let tool = golden.provenance.map { "with \(PlainText.line($0.tool, limit: 60)) " } ?? ""
    return "never by a test: record a run \(tool)again, and: assay approve RUN "
      + "\(PlainText.line(path, limit: 300)) --message WHY"
  }

  /// Why a comparison fails, in one sentence on one line, without a full stop; `nil` for a match.
  package static func sentence(_ comparison: RunComparison) -> String? {
    comparison.isMatch ? nil : FailureTextWriter(comparison: comparison).sentence
  }
}

/// Writes the lines of one failure text.
struct FailureTextWriter {
  var comparison: RunComparison
  var words = FailureSentence.ofReplay

  /// A line under its label.
  static func line(_ label: String, _ value: String, _ limit: Int) -> String {
    let label = label + ":"
    return "  " + label + String(repeating: " ", count: max(11 - label.count, 1))
      + PlainText.line(value, limit: limit)
  }

  /// What failed first, or what failed about the whole.
  private enum Subject {
    case failure(ComparisonFailure)
    case tensor(RunComparison.FailingTensor)
  }

  /// A value that differs says more than what is missing after it; a step that one run lacks says
  /// less than why it does.
  private var subject: Subject? {
    let diverging = comparison.divergingTensor
    if let diverging, diverging.tensor.verdict.isDivergence { return .tensor(diverging) }
    let isStep = diverging.map { $0.step.verdict != .mismatch } ?? true
    if let failure = comparison.failures.first(where: { isStep || $0.precedesMissingTensors }) {
      return .failure(failure)
    }
    return diverging.map(Subject.tensor) ?? comparison.failures.first.map(Subject.failure)
  }

  var sentence: String {
    switch subject {
    case .failure(let failure): PlainText.line(failure.description, limit: 300)
    case .tensor(let failing): PlainText.line(sentence(failing), limit: 400)
    case nil: "it fails for an unknown reason"
    }
  }

  private func sentence(_ failing: RunComparison.FailingTensor) -> String {
    let plain = words.text(failing.tensor, of: failing.module, in: failing.step)
    if let other = comparison.otherInputsText(words, .plain) {
      return other
    }
    // The place at which the error was born, where that is not the call that shows it.
    guard let place = comparison.firstDivergence?.origin.birthplace,
      failing.tensor.verdict.isDivergence,
      place.side == .inputs, place.inside != failing.module.call,
      place.inside != nil || place.after != nil,
      let birth = comparison.birthText(.plain)
    else { return plain }
    let shown = PlainText.name(failing.module.call.shortened(within: place.inside))
    return "\(birth): \(shown): \(words.text(failing.tensor))"
  }

  /// Everything between the headline and the paths.
  var lines: [String] { facts.map { FailureTextWriter.line($0.label, $0.value, 300) } }

  /// What is known of the failure, each on one line under a label.
  var facts: [(label: String, value: String)] {
    var facts: [(label: String, value: String)] = []
    func add(_ label: String, _ value: String?, _ limit: Int) {
      if let value { facts.append((label, PlainText.line(value, limit: limit))) }
    }
    if case .tensor(let failing) = subject, let divergence = comparison.firstDivergence,
      failing.tensor.verdict.isDivergence
    {
      if comparison.otherInputs == nil {
        add(
          "cause", comparison.birthCauseText(.plain) ?? comparison.causeText(words, .plain), 300)
      }
      add("born", divergence.origin.birthplace?.description, 300)
    }
    add("largest", largestOther, 200)
    for sentence in others.prefix(3) { add("also", sentence, 200) }
    add("counts", counts, 160)
    add("tokens", tokens, 120)
    if case .tensor(let failing) = subject, let difference = failing.tensor.difference {
      add("tensor", form(failing.tensor), 120)
      add("paired", failing.tensor.pairing?.text, 300)
      add("worst", difference.worstText(failing.tensor), 160)
      add("error", difference.errorText(failing.tensor), 120)
      add("tolerance", tolerance(failing.tensor), 160)
      add(
        "passes",
        MarkdownWriter(comparison: comparison, verbose: false)
          .passing(difference, failing.tensor), 130)
    }
    if case .tensor(let failing) = subject, let estimate = failing.tensor.estimate {
      add("tensor", form(failing.tensor), 120)
      add("error", estimate.errorText, 160)
      add("tolerance", tolerance(failing.tensor), 160)
    }
    return facts
  }

  /// The call that added the largest error, where that is another than the first.
  private var largestOther: String? {
    guard let first = comparison.firstDivergence, first.tensor.verdict.isDivergence,
      let largest = comparison.introducedByError.first, largest.module.call != first.call,
      let error = largest.module.origin?.introducedError,
      error > 2 * (first.origin.introducedError ?? first.origin.outputError ?? 0)
    else { return nil }
    return
      "\(PlainText.name(largest.module.call)) in step \(largest.step) adds a larger error of its own: "
      + MarkdownText.number(error)
  }

  private var tokens: String? {
    guard let other = comparison.firstOtherToken, let last = other.difference.last else {
      return comparison.logits.isEmpty
        ? nil : PlainText.line(String(comparison.tokenSentence.dropLast()), limit: 120)
    }
    return "greedy decoding takes \(last.actualToken) instead of \(last.expectedToken) in step "
      + "\(other.step), where that has rank \(last.rank)"
  }

  /// What else fails: of each kind the first.
  private var others: [String] {
    var sentences: [String] = []
    var reported: ComparisonFailure?
    if case .failure(let failure) = subject { reported = failure }
    for failure in comparison.failures where failure != reported {
      sentences.append(failure.description)
    }
    guard case .tensor(let failing) = subject, failing.tensor.verdict.isDivergence else {
      return sentences
    }
    let first = comparison.firstFailing { !$0.tensor.verdict.isDivergence }
    if let first { sentences.append(words.text(first.tensor, of: first.module, in: first.step)) }
    if comparison.otherInputs == nil, !failing.tensor.hasFormVerdict,
      let form = comparison.firstFailing(where: { $0.tensor.hasFormVerdict })
    {
      sentences.append(words.text(form.tensor, of: form.module, in: form.step))
    }
    return sentences
  }

  /// How many tensors and elements match.
  var counts: String {
    let (tensors, elements) = (comparison.summary.tensors, comparison.summary.elements)
    let parts = [
      (tensors.mismatched, "differ"), (tensors.missingInActual, "missing in \(words.actual)"),
      (tensors.missingInExpected, "missing in \(words.expected)"),
      (tensors.unreadable, "unreadable"), (tensors.notRecorded, "not recorded"),
      (tensors.misplaced, "not placed as declared"),
      (tensors.differingReplicas, "of ranks that differ"),
      (tensors.notComputed, "without a row of both runs"), (tensors.skipped, "skipped"),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return "of \(MarkdownText.count(tensors.total, "tensor")) \(tensors.matched) match"
      + parts.map { ", " + $0 }.joined()
      + "; \(elements.mismatched) of \(MarkdownText.count(elements.compared, "element")) outside"
      + (tensors.estimateText.map { "; \($0)" } ?? "")
      + (comparison.droppedText.map { "; \($0)" } ?? "")
      + (comparison.lackingRowsText.map { "; \($0)" } ?? "")
  }

  private func tolerance(_ tensor: TensorResult) -> String {
    if tensor.isExact { return "none: integers are compared exactly" }
    let tolerance = comparison.options.tolerance
    return tolerance.name + (tolerance.equalNaN ? ", NaN matches NaN" : "")
  }

  private func form(_ tensor: TensorResult) -> String {
    "\(PlainText.name(tensor)), \(tensor.dtype?.rawValue ?? "–") "
      + (tensor.shape?.description ?? "–")
  }
}

extension PairOrigin {
  /// The two tensors in their own runs' names, in plain text; `nil` where names alone paired them.
  fileprivate var text: String? {
    guard let rule else { return nil }
    func name(_ side: Side) -> String {
      let call = crossesCalls ? " (call \(side.call))" : ""
      return ([side.module + call + " " + side.slot.rawValue] + side.operations)
        .joined(separator: ", ")
    }
    return "by rule \(rule + 1) of the mapping: actual \(name(actual)); expected \(name(expected))"
  }
}

extension ComparisonFailure {
  /// Whether it explains why tensors are missing.
  fileprivate var precedesMissingTensors: Bool {
    switch self {
    case .nothingCompared, .nothingRecorded: true
    default: false
    }
  }
}

extension Difference {
  /// The finite pair that differs most; beside NaN or infinite values only one that fails too.
  private var worstFinite: Extreme? {
    if let maxAbsMismatched { return maxAbsMismatched }
    guard nonFiniteDifferenceCount == 0, let maxAbs, maxAbs.value > 0 else { return nil }
    return maxAbs
  }

  /// The element that differs most, in plain text.
  func worstText(_ tensor: TensorResult) -> String? {
    guard let worst = worstFinite else { return nil }
    return MarkdownText.index(worst.index, tensor.valueShape, "", ": ")
      + "actual \(MarkdownText.value(worst.actual, tensor.dtype)), "
      + "expected \(MarkdownText.value(worst.expected, tensor.dtype))"
  }

  /// How much it differs.
  func errorText(_ tensor: TensorResult) -> String? {
    guard let worst = worstFinite else { return nil }
    let relative = worst.value == 0 ? 0 : worst.value / worst.expected.magnitude
    var text = "abs \(MarkdownText.number(worst.value)), rel \(MarkdownText.number(relative))"
    if let largest = maxRelMismatched ?? maxRel, largest.index != worst.index,
      MarkdownText.number(largest.value) != MarkdownText.number(relative)
    {
      text +=
        "; largest rel \(MarkdownText.number(largest.value))"
        + MarkdownText.index(largest.index, tensor.valueShape, " at ", "")
    }
    return text
  }
}
