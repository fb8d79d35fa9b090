extension PythonPattern {
  enum Group {
    case piece(Piece)
    case globalFlags(String)
    case comment
  }

  /// Reads what follows an opening parenthesis.
  mutating func group(_ flags: Flags, isStart: Bool) throws -> Group {
    guard take("?") else { return .piece(try capturing(nil, flags)) }
    guard let kind = take() else { throw Refusal(text: "unexpected end of pattern") }
    switch kind {
    case "P": return .piece(try named(flags))
    case ":": return .piece(try enclosed("(?:", flags))
    case ">": return .piece(try enclosed("(?>", flags))
    case "=", "!": return .piece(try enclosed("(?\(kind)", flags, isAssertion: true))
    case "<":
      guard let direction = take() else { throw Refusal(text: "unexpected end of pattern") }
      guard direction == "=" || direction == "!" else {
        throw Refusal(text: "unknown extension ?<\(direction)")
      }
      return .piece(try lookbehind("(?<\(direction)", flags))
    case "#":
      while let scalar = take() {
        if scalar == ")" { return .comment }
      }
      throw Refusal(text: "missing ), unterminated comment")
    case "(": throw Refusal(text: "conditional groups are not supported")
    default:
      guard kind == "-" || Self.flagLetters.contains(kind) else {
        throw Refusal(text: "unknown extension ?\(kind)")
      }
      position -= 1
      return try flagged(flags, isStart: isStart)
    }
  }

  private mutating func enclosed(
    _ opening: String, _ flags: Flags, isAssertion: Bool = false
  ) throws -> Piece {
    let (text, width) = try alternatives(flags)
    guard take(")") else { throw Refusal(text: "missing ), unterminated subpattern") }
    // ICU refuses a quantifier on a bare lookaround.
    return isAssertion
      ? Piece(text: "(?:" + opening + text + "))") : Piece(text: opening + text + ")", width: width)
  }

  private mutating func capturing(_ name: String?, _ flags: Flags) throws -> Piece {
    let index = groups.count
    groups.append(nil)
    if let name {
      guard names.updateValue(index, forKey: name) == nil else {
        throw Refusal(text: "redefinition of group name '\(name)'")
      }
    }
    let piece = try enclosed("(?<g\(index + 1)>", flags)
    groups[index] = piece.width
    return piece
  }

  private mutating func named(_ flags: Flags) throws -> Piece {
    if take("<") {
      return try capturing(try groupName(until: ">"), flags)
    }
    if take("=") {
      let name = try groupName(until: ")")
      guard let index = names[name] else { throw Refusal(text: "unknown group name '\(name)'") }
      return try reference(toGroup: index)
    }
    guard let scalar = take() else { throw Refusal(text: "unexpected end of pattern") }
    throw Refusal(text: "unknown extension ?P\(scalar)")
  }

  private mutating func groupName(until terminator: Unicode.Scalar) throws -> String {
    let name = try take(until: terminator, what: "group name")
    let isIdentifier = name.unicodeScalars.enumerated().allSatisfy { index, scalar in
      scalar == "_"
        || (index == 0 ? scalar.properties.isXIDStart : scalar.properties.isXIDContinue)
    }
    guard isIdentifier else { throw Refusal(text: "bad character in group name '\(name)'") }
    return name
  }

  /// What the group of an index, from 0, matched before.
  func reference(toGroup index: Int) throws -> Piece {
    guard groups.indices.contains(index) else {
      throw Refusal(text: "invalid group reference \(index + 1)")
    }
    guard let width = groups[index] else { throw Refusal(text: "cannot refer to an open group") }
    if let limit = groupsBeforeLookbehind, index >= limit {
      throw Refusal(text: "cannot refer to group defined in the same lookbehind subpattern")
    }
    return Piece(text: "\\k<g\(index + 1)>", width: width)
  }

  private mutating func lookbehind(_ opening: String, _ flags: Flags) throws -> Piece {
    let isOutermost = groupsBeforeLookbehind == nil
    if isOutermost { groupsBeforeLookbehind = groups.count }
    defer { if isOutermost { groupsBeforeLookbehind = nil } }
    let (text, width) = try alternatives(flags)
    guard take(")") else { throw Refusal(text: "missing ), unterminated subpattern") }
    guard width.least == width.most else {
      throw Refusal(text: "look-behind requires fixed-width pattern")
    }
    return Piece(text: "(?:" + opening + text + "))")
  }
}

// MARK: - Flags

extension PythonPattern {
  private static let flagLetters: Set<Unicode.Scalar> = ["a", "i", "L", "m", "s", "u", "x"]

  /// Reads `(?flags)` or `(?flags-flags:…)`, of which only `i`, `m` and `s` are left to ICU.
  private mutating func flagged(_ flags: Flags, isStart: Bool) throws -> Group {
    let added = try flagRun()
    var removed: Set<Unicode.Scalar> = []
    if added.contains("L") {
      throw Refusal(text: "bad inline flags: cannot use 'L' flag with a str pattern")
    }
    if added.isSuperset(of: ["a", "u"]) {
      throw Refusal(text: "bad inline flags: flags 'a', 'u' and 'L' are incompatible")
    }
    if take(")") {
      guard isStart else {
        throw Refusal(text: "global flags not at the start of the expression")
      }
      if added.contains("x"), !global.verbose { throw VerboseFound() }
      if added.contains("a") { global.ascii = true }
      let kept = Self.icu(added)
      return .globalFlags(kept.isEmpty ? "" : "(?\(kept))")
    }
    if take("-") {
      removed = try flagRun()
      guard !removed.isEmpty else { throw Refusal(text: "missing flag") }
      guard removed.isDisjoint(with: ["a", "u", "L"]) else {
        throw Refusal(text: "bad inline flags: cannot turn off flags 'a', 'u' and 'L'")
      }
      guard removed.isDisjoint(with: added) else {
        throw Refusal(text: "bad inline flags: flag turned on and off")
      }
    }
    guard take(":") else {
      throw Refusal(text: removed.isEmpty ? "missing -, : or )" : "missing :")
    }
    var inner = flags
    if added.contains("x") { inner.verbose = true }
    if removed.contains("x") { inner.verbose = false }
    if added.contains("a") { inner.ascii = true }
    if added.contains("u") { inner.ascii = false }
    let (on, off) = (Self.icu(added), Self.icu(removed))
    return .piece(try enclosed("(?\(on)\(off.isEmpty ? "" : "-" + off):", inner))
  }

  private mutating func flagRun() throws -> Set<Unicode.Scalar> {
    let letters = take(while: Self.flagLetters.contains)
    if let scalar = next, scalar.isASCIILetter { throw Refusal(text: "unknown flag") }
    return Set(letters.unicodeScalars)
  }

  private static func icu(_ flags: Set<Unicode.Scalar>) -> String {
    String(String.UnicodeScalarView(flags.intersection(["i", "m", "s"]).sorted()))
  }
}
