import Assay

/// A golden's name, such as `tiny-llama/prefill`: a path below the folder of the goldens.
struct GoldenName: Sendable {
  let text: String

  /// Takes a name as it stands: nothing is rewritten, so two names never mean one file.
  ///
  /// - Throws: ``ReplayTestError/badName(_:reason:)``.
  init(_ text: String) throws(ReplayTestError) {
    if let reason = Self.fault(in: text) { throw .badName(text, reason: reason) }
    self.text = text
  }

  /// The part behind the last `/`.
  var lastComponent: String {
    text.split(separator: "/").last.map(String.init) ?? text
  }

  private static func fault(in text: String) -> String? {
    if text.isEmpty { return "it is empty" }
    if text.hasPrefix("/") { return "it is absolute" }
    if text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      return "it has a control character"
    }
    if text.contains("\\") { return "parts are separated by /, not by \\" }
    if let ending = GoldenFile.endings.first(where: text.hasSuffix) {
      return "the file's ending \(ending) is not part of the name"
    }
    for part in text.split(separator: "/", omittingEmptySubsequences: false) {
      if part.isEmpty { return "it has an empty part" }
      if part.hasPrefix(".") { return "no part may begin with a dot" }
    }
    return nil
  }
}
