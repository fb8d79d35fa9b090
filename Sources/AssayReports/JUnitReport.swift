package import AssayComparison

/// Renders comparisons as JUnit XML, as Jenkins, GitLab and others read it.
///
/// Every step is a suite and every module call a case of it, under the same names in every run, so
/// that a system can tell since when a case fails. A first suite holds what fails about a
/// comparison as a whole. There are no times, so equal comparisons give equal texts.
package enum JUnitReport {
  /// Renders comparisons.
  ///
  /// - Parameters:
  ///   - comparisons: What was compared, each under a name such as its golden's.
  ///   - failures: What failed besides, such as other tokens than the golden's.
  /// - Returns: UTF-8 text that ends with a newline.
  /// - Complexity: O(tensors).
  package static func render(
    _ comparisons: [(name: String, comparison: RunComparison)],
    failures: [(name: String, message: String)] = []
  ) -> String {
    var suites: [JUnitSuite] = []
    if !failures.isEmpty {
      let cases = failures.map {
        JUnitCase(
          name: $0.name, className: "assay",
          outcome: .failure(type: "failure", message: $0.message, text: $0.message))
      }
      suites.append(JUnitSuite(name: "assay", cases: cases))
    }
    for (name, comparison) in comparisons {
      let renderer = JUnitRenderer(name: name, comparison: comparison)
      suites.append(renderer.whole)
      suites += comparison.steps.map(renderer.suite)
    }
    return JUnitText.render(suites)
  }
}

/// Turns one comparison into suites.
struct JUnitRenderer {
  var name: String
  var comparison: RunComparison
  private let sentence = FailureSentence.ofRuns

  init(name: String, comparison: RunComparison) {
    self.name = name
    self.comparison = comparison
  }

  /// Jenkins loads a report into memory, so of a broken model only the first tensors are listed.
  private static let tensorLimit = 20

  /// What fails about the comparison as a whole.
  var whole: JUnitSuite {
    let writer = FailureTextWriter(comparison: comparison, words: .ofRuns)
    let facts = writer.facts.filter { ["cause", "born"].contains($0.label) }
    let lines = facts.map { "\($0.label): \($0.value)" } + comparison.failures.map(\.description)
    let outcome: JUnitCase.Outcome =
      comparison.isMatch
      ? .passed
      : .failure(
        type: "comparison", message: writer.sentence, text: lines.joined(separator: "\n"))
    return JUnitSuite(
      name: name, cases: [JUnitCase(name: "comparison", className: name, outcome: outcome)])
  }

  /// One step.
  func suite(_ step: StepResult) -> JUnitSuite {
    let name = "\(name) step \(step.index)"
    // A step without calls would be an empty suite, which reads as a success.
    guard !step.modules.isEmpty else {
      let outcome: JUnitCase.Outcome =
        step.verdict.isFailure
        ? .failure(type: step.verdict.rawValue, message: step.verdict.text, text: "")
        : .skipped("the step has no module calls")
      return JUnitSuite(
        name: name, cases: [JUnitCase(name: "step", className: name, outcome: outcome)])
    }
    return JUnitSuite(
      name: name,
      cases: step.modules.map { module in
        JUnitCase(
          name: PlainText.name(module.call, limit: 1000), className: name,
          outcome: outcome(module, step))
      })
  }

  private func outcome(_ module: ModuleResult, _ step: StepResult) -> JUnitCase.Outcome {
    switch module.verdict {
    case .match: return .passed
    case .skipped, .notComputed:
      return .skipped(module.tensors.first?.reason ?? "nothing was compared")
    default: break
    }
    let failing = module.tensors.filter(\.verdict.isFailure)
    // A call that is on one side only need not have tensors.
    guard let first = failing.first(where: { $0.verdict == .unreadable }) ?? failing.first else {
      return .failure(
        type: module.verdict.rawValue, message: "the call is \(module.verdict.text)", text: "")
    }
    let message = sentence.text(first, of: module, in: step)
    var lines = failing.prefix(JUnitRenderer.tensorLimit).map(sentence.text)
    let rest = failing.count - lines.count
    if rest > 0 { lines.append("\(rest) more") }
    if let difference = first.difference {
      lines += [
        difference.worstText(first).map { "worst: " + $0 },
        difference.errorText(first).map { "error: " + $0 },
      ].compactMap { $0 }
    }
    if let estimate = first.estimate { lines.append("error: " + estimate.errorText) }
    if let cause = cause(module) { lines.append(cause) }
    let text = lines.joined(separator: "\n")
    return first.verdict == .unreadable
      ? .error(type: first.verdict.rawValue, message: message, text: text)
      : .failure(type: first.verdict.rawValue, message: message, text: text)
  }

  private func cause(_ module: ModuleResult) -> String? {
    guard let origin = module.origin else { return nil }
    var text = "cause: \(origin.cause.rawValue)"
    if let inside = origin.inside { text += " from \(PlainText.name(inside))" }
    if let place = origin.birthplace { text += "; born \(place)" }
    return PlainText.line(text, limit: 600)
  }
}
