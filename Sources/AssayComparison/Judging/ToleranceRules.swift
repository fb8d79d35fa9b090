import AssayTensors

/// Ordered rules, of which the first that matches a tensor decides about it.
///
/// A tensor that none matches is judged exactly and fails the comparison all the same.
public struct ToleranceRules: Sendable, Hashable {
  /// The rules, in the order in which they are tried.
  package var rules: [ToleranceRule]
  /// Whether a NaN matches a NaN where the rule doesn't say.
  package var equalNaN: Bool
  /// The file that they come from; `nil` for rules made in code.
  package let source: String?

  /// Makes a list of rules.
  package init(_ rules: [ToleranceRule], equalNaN: Bool = false, source: String? = nil) {
    self.rules = rules
    self.equalNaN = equalNaN
    self.source = source
  }

  /// The first pattern whose matching was given up.
  var unfinishedPattern: UnfinishedPattern? {
    rules.lazy.compactMap { $0.module.unfinished ?? $0.slot?.unfinished }.first
  }

  /// What they are called in a report: `12 rules of tolerances.yml`.
  package var name: String {
    "\(rules.count) rule\(rules.count == 1 ? "" : "s")" + (source.map { " of \($0)" } ?? "")
  }
}
