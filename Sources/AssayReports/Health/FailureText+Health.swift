package import AssayComparison
import AssayRuns

extension FailureText {
  /// Renders why a run is not healthy as a few lines of plain text.
  ///
  /// - Parameters:
  ///   - health: What checking the run came to.
  ///   - headline: What failed: the golden's name.
  ///   - reportPath: Where the whole report was written, or what holds it.
  /// - Returns: At most 20 lines and 4 KiB of UTF-8, without a newline at the end.
  package static func render(
    _ health: RunHealth, headline: String, reportPath: String? = nil
  ) -> String {
    let subject = PlainText.line("\"\(headline)\" ", limit: 140)
    guard let sentence = health.sentence else { return subject + "is healthy." }
    var lines = [subject + "is not healthy: " + PlainText.line(sentence, limit: 400) + "."]
    func add(_ label: String, _ value: String?, _ limit: Int = 300) {
      if let value, !value.isEmpty { lines.append(FailureTextWriter.line(label, value, limit)) }
    }
    if let first = health.firstNonFinite ?? health.findings.first {
      add("origin", first.origin)
      add("given", first.givenText(limit: 4))
      let others = health.findings.filter { $0 != first }
      for finding in others.prefix(3) { add("also", finding.sentence, 200) }
    }
    add("counts", health.countsText.map { "\($0); \(health.checkedText)" })
    for failure in health.failures.prefix(3) { add("failure", failure.description) }
    add("run", health.path, 360)
    add("report", reportPath, 360)
    return lines.joined(separator: "\n")
  }
}
