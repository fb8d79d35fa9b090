import AssayRuns
import AssayTensors

/// How a report writes names, and what stands out, in its running text.
struct Markup: Sendable {
  /// A name as data has it.
  var code: @Sendable (String) -> String
  /// A word that stands out.
  var strong: @Sendable (String) -> String
  /// A call, with its number where it is not the first of the step.
  var name: @Sendable (CallKey) -> String

  static let plain = Markup(code: { $0 }, strong: { $0 }, name: { PlainText.name($0) })
  static let markdown = Markup(
    code: MarkdownText.code, strong: { "**\($0)**" },
    name: {
      MarkdownText.code($0.module) + ($0.index == 0 ? "" : " (call \($0.index))")
    })

  /// A call without the part of its name that a call which contains it already tells.
  func name(_ call: CallKey, within parent: CallKey?) -> String {
    name(call.shortened(within: parent))
  }
}

extension CallKey {
  /// The call without the part of its name that a call which contains it already tells.
  func shortened(within parent: CallKey?) -> CallKey {
    guard let parent, module.hasPrefix(parent.module + ".") else { return self }
    var shortened = self
    shortened.module = String(module.dropFirst(parent.module.count + 1))
    return shortened
  }
}

extension String {
  /// The text with its first letter, which markup may precede, as a sentence begins.
  var asSentence: String {
    guard let first = firstIndex(where: \.isLetter) else { return self }
    return self[..<first] + self[first].uppercased() + self[index(after: first)...]
  }
}
