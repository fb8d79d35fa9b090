/// The summary that GitHub Actions shows for a job's step.
public enum StepSummary {
  /// Adds markdown to the summary's file, which stays within GitHub's limit.
  ///
  /// - Parameters:
  ///   - markdown: What to add; where it does not fit, it is cut at a line's end.
  ///   - path: The file, which `$GITHUB_STEP_SUMMARY` names.
  ///   - wholeReport: Where the whole report is, for the sentence that says it was cut.
  ///   - limit: The most bytes that the file may have.
  /// - Throws: ``ReportError``.
  public static func append(
    _ markdown: String, to path: String, wholeReport: String? = nil, limit: Int = 1 << 20
  ) throws(ReportError) {
    throw .unwritableSummary(path: path, reason: "not written yet")
  }
}
