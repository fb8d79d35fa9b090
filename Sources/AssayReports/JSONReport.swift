public import AssayComparison
public import Foundation

/// Renders a comparison as JSON, schema `assay.comparison/1`.
public enum JSONReport {
  /// Renders a comparison.
  public static func render(_ comparison: RunComparison) throws -> Data {
    Data()
  }
}
