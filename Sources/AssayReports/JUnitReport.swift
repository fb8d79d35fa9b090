public import AssayComparison

/// Renders comparisons as JUnit XML, as Jenkins, GitLab and others read it.
public enum JUnitReport {
  /// Renders comparisons.
  ///
  /// - Parameters:
  ///   - comparisons: What was compared, each under a name such as its golden's.
  ///   - failures: What failed besides, such as other tokens than the golden's.
  /// - Returns: UTF-8 text that ends with a newline: one suite per step, one case per module call.
  public static func render(
    _ comparisons: [(name: String, comparison: RunComparison)],
    failures: [(name: String, message: String)] = []
  ) -> String {
    ""
  }
}
