import AssayBase
package import AssayComparison
import AssayRuns
import AssayTensors

/// Renders a comparison as one self-contained HTML page.
package enum HTMLReport {
  /// Renders a comparison.
  ///
  /// The page fetches nothing and works from a file. The verdict and where the runs part are plain
  /// HTML; a script draws the growth of the error, the module tree and the table of tensors from
  /// figures that stand in the page as JSON.
  ///
  /// - Parameter comparison: What comparing two runs came to.
  /// - Returns: UTF-8 text that ends with a newline.
  /// - Complexity: O(tensors) time and size; about 300 bytes for each tensor that differs.
  package static func render(_ comparison: RunComparison) -> String {
    let sections = HTMLSections(comparison: comparison)
    let title = "Assay: \(sections.verdict.lowercased()), \(sections.subjects)"
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
      style-src 'unsafe-inline'; script-src 'nonce-assay'; img-src data:; base-uri 'none'; form-action 'none'">
      <link rel="icon" href="data:,">
      <title>\(HTMLText.escaped(title))</title>
      <style>
      \(HTMLPage.style)</style>
      </head>
      <body>
      <a class="skip" href="#explorer">Skip to the tensors</a>
      \(sections.header)
      <main>
      \(sections.divergence)
      \(HTMLPage.growth)\(sections.tokens)
      \(HTMLPage.explorer)\(sections.parameters)
      </main>
      <script type="application/json" id="data">\(HTMLData.json(comparison))</script>
      <script nonce="assay">
      \(HTMLPage.script)</script>
      </body>
      </html>

      """
  }
}

/// Text that cannot leave its place in HTML.
enum HTMLText {
  /// Text for content and for attributes in quotes; what would break or turn the line is escaped.
  static func escaped(_ text: String, limit: Int = 1000) -> String {
    var result = ""
    for scalar in PlainText.line(text, limit: limit).unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  static func code(_ text: String, limit: Int = 1000) -> String {
    "<code>\(escaped(text, limit: limit))</code>"
  }
}
