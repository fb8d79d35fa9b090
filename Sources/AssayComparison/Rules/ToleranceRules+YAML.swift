import Yams

extension ToleranceRules {
  /// Reads rules from a file.
  ///
  /// - Throws: ``ComparisonError/invalidRules(source:rule:line:reason:)``.
  public init(contentsOfFile path: String) throws(ComparisonError) {
    throw .invalidRules(source: path, rule: nil, line: nil, reason: "not yet")
  }

  /// Reads rules from the text of a YAML file.
  ///
  /// - Throws: ``ComparisonError/invalidRules(source:rule:line:reason:)``.
  public init(yaml: String, source: String? = nil) throws(ComparisonError) {
    throw .invalidRules(source: source ?? "", rule: nil, line: nil, reason: "not yet")
  }
}
