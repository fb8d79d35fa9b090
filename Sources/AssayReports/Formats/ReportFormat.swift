public import AssayComparison

/// What a report is written as.
public enum ReportFormat: String, CaseIterable, Sendable {
  /// GitHub markdown.
  case markdown
  /// One line of JSON with sorted keys.
  case json
  /// A self-contained page.
  case html
  /// About one screen of plain text.
  case text
}

extension RunComparison {
  /// What comparing came to, as `assay compare` says it.
  ///
  /// - Parameter format: What it is written as.
  /// - Returns: UTF-8 text that ends with a newline; the same for equal comparisons.
  /// - Complexity: O(tensors) time; all but JSON and the page are bounded in size.
  public func report(_ format: ReportFormat = .markdown) -> String {
    switch format {
    case .markdown: MarkdownReport.render(self)
    case .json: String(decoding: JSONReport.render(self), as: UTF8.self)
    case .html: HTMLReport.render(self)
    case .text: TextReport.render(self)
    }
  }
}

extension RunHealth {
  /// What checking a run came to, as `assay check` says it.
  ///
  /// - Parameter format: What it is written as.
  /// - Returns: UTF-8 text that ends with a newline.
  public func report(_ format: ReportFormat = .markdown) -> String {
    switch format {
    case .markdown: MarkdownReport.render(self)
    case .json: String(decoding: JSONReport.render(self), as: UTF8.self)
    case .html: HTMLReport.render(self)
    case .text: TextReport.render(self)
    }
  }
}
