public import AssayComparison

/// Renders a comparison as GitHub markdown.
public enum MarkdownReport {
  /// Renders a comparison.
  ///
  /// - Parameters:
  ///   - comparison: What comparing two runs came to.
  ///   - verbose: Whether to show every tensor, not only what failed.
  /// - Returns: UTF-8 text that ends with a newline.
  public static func render(_ comparison: RunComparison, verbose: Bool = false) -> String {
    comparison.isMatch ? "match\n" : "mismatch\n"
  }
}
