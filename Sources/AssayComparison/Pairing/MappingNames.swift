import AssayBase
import AssayTensors

/// A pattern for calls: for a module's whole name and, behind a colon, the number of the call.
///
/// The number is one of `:3`, `:\d+` and `:(\d+)`, the last of which is a group too. A pattern
/// without a number is for all calls.
struct CallPattern: Sendable {
  let source: String
  private let names: ModuleRenaming
  /// Whether the pattern has a number.
  let hasNumber: Bool

  init(_ source: String) throws(TensorError) {
    self.source = source
    names = try ModuleRenaming(source)
    hasNumber = source.contains(/:([0-9]+|\\d\+|\(\\d\+\))$/)
  }

  var groupCount: Int { names.groupCount }
  var unfinished: UnfinishedPattern? { names.unfinished }

  /// What the groups hold; `nil` for a call that it is not for.
  func groups(of call: CallKey) -> [String]? {
    names.groups(in: hasNumber ? "\(call.module):\(call.index)" : call.module)
  }
}

/// The name of a call, made of a pattern's groups: `model.layers.\1.mlp`, `rotary_emb:\1`.
struct CallTemplate: Sendable, Hashable {
  private let name: ModuleNameTemplate
  /// Whether it ends in the call's number; without one it is that of the other side's call.
  let hasNumber: Bool

  init(_ source: String, groupCount: Int) throws(TensorError) {
    name = try ModuleNameTemplate(source, groupCount: groupCount)
    hasNumber = source.contains(/:([0-9]+|\\[0-9]+|\{\\[^{}]*\})$/)
  }

  /// - Returns: `nil` where the groups make no name.
  func call(_ groups: [String], like other: CallKey) -> CallKey? {
    guard let name = name.name(groups) else { return nil }
    guard hasNumber else {
      return CallKey(step: other.step, module: name, index: other.index)
    }
    guard let colon = name.lastIndex(of: ":"), let index = Int(name[name.index(after: colon)...])
    else { return nil }
    return CallKey(step: other.step, module: String(name[..<colon]), index: index)
  }
}

/// A slot's name, or a pattern for the whole of it: what has a character that is special there.
struct SlotPattern: Sendable {
  let source: String
  private let pattern: ModuleRenaming?

  init(_ source: String) throws(TensorError) {
    self.source = source
    pattern = source.contains(where: #"\()[]{}*+?|^$"#.contains) ? try ModuleRenaming(source) : nil
  }

  var groupCount: Int { pattern?.groupCount ?? 0 }
  var isPattern: Bool { pattern != nil }
  var unfinished: UnfinishedPattern? { pattern?.unfinished }
  /// Whether it is for inputs alone.
  var isOfInputs: Bool { source.hasPrefix("inputs") || source.hasPrefix("post_fwd_inputs") }

  /// What the groups hold; `nil` for another slot.
  func groups(in slot: Slot) -> [String]? {
    if let pattern { return pattern.groups(in: slot.rawValue) }
    return slot.rawValue.isSame(as: source) ? [source] : nil
  }
}

/// Slots of the actual run and what the expected run calls them.
struct SlotRenaming: Sendable {
  let actual: SlotPattern
  /// `nil` for the same names.
  private let template: ModuleNameTemplate?

  init(_ actual: SlotPattern, to expected: String?) throws(TensorError) {
    self.actual = actual
    guard let expected else {
      template = nil
      return
    }
    // A name without a pattern is taken as it is.
    template = try ModuleNameTemplate(
      actual.isPattern ? expected : expected.replacing(#"\"#, with: #"\\"#),
      groupCount: actual.groupCount)
  }

  func expected(of slot: Slot) -> Slot? {
    guard let groups = actual.groups(in: slot) else { return nil }
    guard let template else { return slot }
    return template.name(groups).map { Slot($0) }
  }

  /// How reports show it.
  var text: String { template.map { "\(actual.source) = \($0.source)" } ?? actual.source }
}
