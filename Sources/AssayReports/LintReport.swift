package import AssayBase
package import AssayComparison
import AssayRuns
import AssayTensors

/// Renders what is wrong with tolerance rules.
package enum LintReport {
  /// Renders the findings as plain text, a paragraph for each rule, without a newline at the end.
  package static func text(_ findings: [ToleranceFinding], _ rules: ToleranceRules) -> String {
    let faults = findings.count { !$0.isNote }
    var lines = [
      faults == 0
        ? "\(rules.name): nothing is wrong"
        : "\(rules.name): \(MarkdownText.count(faults, "fault"))"
    ]
    for finding in findings {
      let rule =
        finding.rule.map {
          "rule \($0 + 1), \(PlainText.line(rules.rules[$0].module.source, limit: 160))"
        } ?? "no rule"
      lines.append("\(finding.isNote ? "note" : "fault"): \(rule): \(sentence(finding))")
      if let first = finding.first {
        lines.append("  first: \(PlainText.line("\(first)", limit: 300))")
      }
      if let detail = finding.detail { lines.append("  \(PlainText.line(detail, limit: 300))") }
    }
    return lines.joined(separator: "\n")
  }

  private static func sentence(_ finding: ToleranceFinding) -> String {
    let tensors = MarkdownText.count(finding.count, "tensor")
    return switch finding.kind {
    case .tighterThanOneULP:
      "tighter than one unit in the last place for \(tensors): it can only flake; widen it, or ask for "
        + "equality with rtol 0 and atol 0"
    case .flakesNearZero:
      "atol 0 in \(tensors) with elements near zero, which can only flake: rounding moves them by parts "
        + "of the larger ones; give it an atol"
    case .toleratesIntegers:
      "lets integers differ in \(tensors): one that is off by one is another token, index or code"
    case .asksForEquality:
      "asks for equal floats in \(tensors): another kernel or machine will fail it"
    case .passesZeros:
      "passes \(tensors) when all their values are 0: it would not notice a dead module; tighten it"
    case .cannotFail:
      "cannot fail by any finite value in \(tensors): tighten it"
    case .cannotPass:
      "fails \(tensors) against themselves"
    case .matchesNothing:
      "matches no tensor of the runs: correct or remove it"
    case .neverDecides:
      "never decides: earlier rules take all its \(tensors); move it up or remove it"
    case .unmatched:
      "matches \(tensors), which fail every comparison; add a last rule whose module is \".*\""
    }
  }

  /// The findings as JSON, schema `assay.lint/1`; `rule` counts from 0.
  package static func json(_ findings: [ToleranceFinding]) -> JSONValue {
    .object([
      "schema": .string("assay.lint/1"),
      "findings": .array(
        findings.map { finding in
          .object([
            "kind": .string(finding.kind.rawValue), "note": .bool(finding.isNote),
            "rule": finding.rule.map { .integer(Int64($0)) } ?? .null,
            "tensors": .integer(Int64(finding.count)),
            "first": finding.first.map { .string("\($0)") } ?? .null,
            "detail": finding.detail.map(JSONValue.string) ?? .null,
          ])
        }),
    ])
  }
}
