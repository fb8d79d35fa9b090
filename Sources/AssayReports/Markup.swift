import AssayRuns

/// How a report writes names, and what stands out, in its running text.
struct Markup: Sendable {
  /// A name as data has it.
  var code: @Sendable (String) -> String
  /// A word that stands out.
  var strong: @Sendable (String) -> String
  /// A call, with its number where it is not the first of the step.
  var name: @Sendable (ModuleCall) -> String

  static let plain = Markup(code: { $0 }, strong: { $0 }, name: { PlainText.name($0) })
  static let markdown = Markup(
    code: MarkdownText.code, strong: { "**\($0)**" },
    name: {
      MarkdownText.code($0.module) + ($0.call == 0 ? "" : " (call \($0.call))")
    })

  /// A call without the part of its name that a call which contains it already tells.
  func name(_ call: ModuleCall, within parent: ModuleCall?) -> String {
    name(call.shortened(within: parent))
  }
}

extension ModuleCall {
  /// The call without the part of its name that a call which contains it already tells.
  func shortened(within parent: ModuleCall?) -> ModuleCall {
    guard let parent, module.hasPrefix(parent.module + ".") else { return self }
    return ModuleCall(module: String(module.dropFirst(parent.module.count + 1)), call: call)
  }
}

extension String {
  /// The text with its first letter, which markup may precede, as a sentence begins.
  var asSentence: String {
    guard let first = firstIndex(where: \.isLetter) else { return self }
    return self[..<first] + self[first].uppercased() + self[index(after: first)...]
  }
}
