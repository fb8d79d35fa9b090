package import AssayComparison
import AssayRuns

extension JUnitReport {
  /// Renders what checking one run came to: a suite for each step, a case for each module call, and
  /// a first suite for what is wrong with the run as a whole.
  ///
  /// A finding fails the call that shows it first, in the first step in which it does.
  ///
  /// - Parameter name: What the run is called.
  /// - Returns: UTF-8 text that ends with a newline.
  /// - Complexity: O(calls + findings).
  package static func render(_ health: RunHealth, named name: String) -> String {
    let sentences = health.failures.map(\.description)
    let whole: JUnitCase.Outcome =
      sentences.isEmpty
      ? .passed
      : .failure(type: "check", message: sentences[0], text: sentences.joined(separator: "\n"))
    let findings = Dictionary(grouping: health.findings) {
      $0.call
    }
    let suites = health.steps.map { step in
      let name = "\(name) step \(step.index)"
      // A suite without cases reads as a success.
      let empty = JUnitCase(
        name: "step", className: name, outcome: .skipped("the step has no module calls"))
      let cases = step.calls.map { call in
        JUnitCase(
          name: PlainText.name(call.call, limit: 1000), className: name,
          outcome: outcome(
            call, findings[call.call] ?? []))
      }
      return JUnitSuite(name: name, cases: cases.isEmpty ? [empty] : cases)
    }
    return JUnitText.render(
      [
        JUnitSuite(
          name: name, cases: [JUnitCase(name: "check", className: name, outcome: whole)])
      ] + suites)
  }

  private static func outcome(
    _ call: RunHealth.Call, _ findings: [HealthFinding]
  ) -> JUnitCase.Outcome {
    if let first = call.unchecked.first(where: { $0.cause == .unreadable }) {
      let reason = "\(first.key) could not be read: \(first.reason)"
      return .error(
        type: first.cause.rawValue, message: PlainText.line(reason, limit: 400), text: reason)
    }
    if let first = findings.first {
      let lines = findings.map { "\($0.sentence)\norigin: \($0.origin)" }
      return .failure(
        type: first.kind.rawValue, message: first.sentence, text: lines.joined(separator: "\n"))
    }
    if let first = call.unchecked.first(where: { $0.cause == .notRecorded }) {
      let reason = "\(first.key) was not recorded: \(first.reason)"
      return .failure(
        type: first.cause.rawValue, message: PlainText.line(reason, limit: 400), text: reason)
    }
    guard call.checkedCount == 0 else { return .passed }
    return .skipped(call.unchecked.first?.reason ?? "the call has no tensors")
  }
}
