import AssayBase
import Foundation

/// A regular expression that a whole module name must match, and names made of its groups.
///
/// The syntax is that of ``ModulePattern``, matched as Python's `re.fullmatch` does.
package struct ModuleRenaming: Sendable {
  /// The expression in Python's syntax.
  package let source: String
  private let expression: BoundedExpression

  /// Makes a renaming.
  ///
  /// - Throws: ``TensorError/invalidPattern(_:reason:)``.
  package init(_ source: String) throws(TensorError) {
    self.source = source
    do {
      expression = try BoundedExpression(source, matchesWhole: true)
    } catch {
      throw .invalidPattern(source, reason: error.text)
    }
  }

  /// The expression that matches a text and nothing else.
  package static func escaped(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "") { pattern, scalar in
      if "\\^$.|?*+()[]{}".unicodeScalars.contains(scalar) { pattern += "\\" }
      pattern.unicodeScalars.append(scalar)
    }
  }

  /// How many groups the expression has.
  package var groupCount: Int { expression.groupCount }

  /// As of ``ModulePattern/unfinished``.
  package var unfinished: UnfinishedPattern? {
    expression.unfinished.map { UnfinishedPattern(pattern: source, name: $0) }
  }

  /// What the groups of the expression hold, from group 0: the whole name.
  ///
  /// - Returns: `nil` for a name that the expression does not match from its first to its last
  ///   character; an empty text for a group that took no part.
  package func groups(in name: String) -> [String]? {
    guard let match = expression.firstMatch(in: name) else { return nil }
    // A group may end within what Swift takes for one character.
    let units = Array(name.utf16)
    return (0..<match.numberOfRanges).map { number in
      Range(match.range(at: number)).map { String(decoding: units[$0], as: UTF16.self) } ?? ""
    }
  }

  /// The name with other text in place of what its first group holds.
  ///
  /// - Parameter replacement: Makes the text of what the group holds; `nil` where there is none.
  /// - Returns: `nil` for a name that the expression does not match as a whole, or without a text.
  package func replacing(in name: String, _ replacement: (String) -> String?) -> String? {
    guard let match = expression.firstMatch(in: name), match.numberOfRanges > 1,
      let range = Range(match.range(at: 1), in: name),
      let text = replacement(String(name[range]))
    else { return nil }
    return name.replacingCharacters(in: range, with: text)
  }
}

/// A module name with references to the groups of a ``ModuleRenaming``: `model.layers.\1.mlp`.
///
/// `\1` to `\99` and `\g<1>` stand for a group, `\\` for a backslash, as in Python's `re.sub`;
/// `{\1 + 1}` and `{\1 - 1}` for the number in a group and another one added to it.
package struct ModuleNameTemplate: Sendable, Hashable {
  private enum Part {
    case text(String)
    case group(Int)
    /// The number that a group holds, and what is added to it.
    case sum(group: Int, Int)
  }

  /// The template as it was written.
  package let source: String
  private let parts: [Part]

  /// Reads a template.
  ///
  /// - Parameter groupCount: How many groups there are to refer to.
  /// - Throws: ``TensorError/invalidPattern(_:reason:)``.
  package init(_ source: String, groupCount: Int) throws(TensorError) {
    self.source = source
    var parts: [Part] = []
    var text = ""
    var rest = Substring(source)
    while let character = rest.popFirst() {
      let isSum = character == "{" && rest.first == "\\"
      guard character == "\\" || isSum else {
        text.append(character)
        continue
      }
      if isSum { rest.removeFirst() }
      if !isSum, rest.first == "\\" {
        text.append(rest.removeFirst())
        continue
      }
      guard let group = Self.reference(&rest) else {
        throw .invalidPattern(
          source,
          reason: "\"\\\(rest.first.map(String.init) ?? "")\" refers to no group: this is a name, "
            + "in which \\1 stands for the first group of the other side's pattern and a dot is "
            + "written as it is")
      }
      guard (1...max(groupCount, 1)).contains(group), groupCount > 0 else {
        throw .invalidPattern(
          source,
          reason: "there is no group \(group); the other side's pattern has \(groupCount)")
      }
      if !text.isEmpty { parts.append(.text(text)) }
      text = ""
      guard isSum else {
        parts.append(.group(group))
        continue
      }
      guard let term = Self.term(&rest) else {
        throw .invalidPattern(
          source, reason: "behind {\\\(group) must stand + or - and a number, as in {\\1 + 1}")
      }
      parts.append(.sum(group: group, term))
    }
    if !text.isEmpty { parts.append(.text(text)) }
    self.parts = parts
  }

  /// The number behind a backslash; what was read of `rest` is gone only where there is one.
  private static func reference(_ rest: inout Substring) -> Int? {
    func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) }
    if rest.hasPrefix("g<"), let end = rest.firstIndex(of: ">") {
      let digits = rest[..<end].dropFirst(2)
      guard !digits.isEmpty, digits.count <= 2, digits.allSatisfy(isDigit) else { return nil }
      rest = rest[rest.index(after: end)...]
      return Int(digits)
    }
    let digits = rest.prefix(2).prefix(while: isDigit)
    guard !digits.isEmpty else { return nil }
    rest = rest.dropFirst(digits.count)
    return Int(digits)
  }

  /// What ` + 1}` adds; what was read of `rest` is gone only where there is a sum.
  private static func term(_ rest: inout Substring) -> Int? {
    guard let end = rest.firstIndex(of: "}") else { return nil }
    let words = rest[..<end].filter { $0 != " " }
    let digits = words.dropFirst()
    guard let sign = words.first, sign == "+" || sign == "-", (1...6).contains(digits.count),
      digits.allSatisfy({ ("0"..."9").contains($0) }), let value = Int(digits)
    else { return nil }
    rest = rest[rest.index(after: end)...]
    return sign == "-" ? -value : value
  }

  /// Whether two templates are written alike, by their bytes.
  package static func == (left: ModuleNameTemplate, right: ModuleNameTemplate) -> Bool {
    left.source.isSame(as: right.source)
  }

  /// Hashes the source.
  package func hash(into hasher: inout Hasher) { source.hashBytes(into: &hasher) }

  /// The name that the groups make.
  ///
  /// - Parameter groups: What ``ModuleRenaming/groups(in:)`` gave.
  /// - Returns: `nil` where a sum is asked for of a group that holds no number, or is below zero.
  package func name(_ groups: [String]) -> String? {
    var name = ""
    for part in parts {
      switch part {
      case .text(let text): name += text
      case .group(let number): name += groups.indices.contains(number) ? groups[number] : ""
      case .sum(let number, let term):
        // Twelve digits leave room for any sum.
        guard groups.indices.contains(number), groups[number].utf8.count <= 12,
          groups[number].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
          let value = Int(groups[number]), value + term >= 0
        else { return nil }
        name += "\(value + term)"
      }
    }
    return name
  }
}
