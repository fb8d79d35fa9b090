/// The tokens that are found in the text by name, before anything else happens to it.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    var isSpecial: Bool
    /// What the token adds to decoded text.
    var bytes: [UInt8]
  }

  enum Piece {
    case token(Int)
    case text(String)
  }

  private let tokens: [Int: Token]
  /// Found in the text as it was given.
  private let raw: TokenFinder
  /// Found in the text after the normalizer.
  private let normalized: TokenFinder

  init(_ added: [TokenizerFile.Added], normalizer: TextNormalizer) throws {
    // Hugging Face decodes, too, the name that the normalizer made.
    let added = added.map { token in
      var token = token
      token.normalized = token.normalized ?? !(token.special ?? false)
      if token.normalized == true { token.content = normalizer.normalize(token.content) }
      return token
    }
    var tokens: [Int: Token] = [:]
    for token in added {
      guard token.id >= 0 else {
        throw TokenizerFileError.malformed("the added token '\(token.content)' has a negative id")
      }
      tokens[token.id] = Token(
        isSpecial: token.special == true,
        bytes: ByteAlphabet.decodedBytes(of: token.content))
    }
    self.tokens = tokens
    raw = TokenFinder(added.filter { $0.normalized == false })
    normalized = TokenFinder(added.filter { $0.normalized == true })
  }

  func token(_ id: Int) -> Token? {
    tokens[id]
  }

  /// Cuts a text at its added tokens and normalizes what lies between.
  func split(_ text: String, normalizer: TextNormalizer) -> [Piece] {
    raw.split(text).flatMap { piece in
      switch piece {
      case .token: [piece]
      case .text(let text): normalized.split(normalizer.normalize(text))
      }
    }
  }
}

/// Finds the names of tokens in a text: the leftmost first, the longest among those.
struct TokenFinder: Sendable {
  private struct Pattern: Sendable {
    var id: Int
    var name: [UInt8]
    var isSingleWord: Bool
    var takesSpaceBefore: Bool
    var takesSpaceAfter: Bool
  }

  /// By first byte, the longest names first.
  private var patterns: [UInt8: [Pattern]] = [:]

  init(_ tokens: [TokenizerFile.Added]) {
    for token in tokens {
      let name = Array(token.content.utf8)
      guard let first = name.first else { continue }
      patterns[first, default: []].append(
        Pattern(
          id: token.id, name: name, isSingleWord: token.singleWord == true,
          takesSpaceBefore: token.lstrip == true, takesSpaceAfter: token.rstrip == true))
    }
    for first in patterns.keys {
      patterns[first]?.sort { $0.name.count > $1.name.count }
    }
  }

  func split(_ text: String) -> [AddedTokens.Piece] {
    guard !patterns.isEmpty else { return text.isEmpty ? [] : [.text(text)] }
    let bytes = Array(text.utf8)
    var pieces: [AddedTokens.Piece] = []
    var begin = 0
    var position = 0
    while position < bytes.count {
      guard let pattern = pattern(at: position, in: bytes) else {
        position += 1
        continue
      }
      var start = position
      var end = position + pattern.name.count
      position = end
      if pattern.isSingleWord, !isWord(bytes, from: start, to: end) { continue }
      if pattern.takesSpaceBefore { start -= Self.spaceLength(endingAt: start, in: bytes) }
      if pattern.takesSpaceAfter { end += Self.spaceLength(startingAt: end, in: bytes) }
      start = max(start, begin)  // the token before may have taken the space
      if begin < start {
        pieces.append(.text(String(decoding: bytes[begin..<start], as: UTF8.self)))
      }
      pieces.append(.token(pattern.id))
      begin = max(begin, end)
    }
    if begin < bytes.count {
      pieces.append(.text(String(decoding: bytes[begin...], as: UTF8.self)))
    }
    return pieces
  }

  private func pattern(at position: Int, in bytes: [UInt8]) -> Pattern? {
    patterns[bytes[position]]?.first { pattern in
      pattern.name.count <= bytes.count - position
        && bytes[position..<position + pattern.name.count].elementsEqual(pattern.name)
    }
  }

  private func isWord(_ bytes: [UInt8], from start: Int, to end: Int) -> Bool {
    let before = Self.scalar(endingAt: start, in: bytes)
    let after = String(decoding: bytes[end...].prefix(4), as: UTF8.self).unicodeScalars.first
    return !(before.map(Self.isWordCharacter) ?? false)
      && !(after.map(Self.isWordCharacter) ?? false)
  }

  private static func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
    let properties = scalar.properties
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
      return true
    default:
      return properties.isAlphabetic || properties.isJoinControl
    }
  }

  private static func scalar(endingAt end: Int, in bytes: [UInt8]) -> Unicode.Scalar? {
    var start = end - 1
    guard start >= 0 else { return nil }
    while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
    return String(decoding: bytes[start..<end], as: UTF8.self).unicodeScalars.first
  }

  private static func spaceLength(endingAt end: Int, in bytes: [UInt8]) -> Int {
    var start = end
    while let scalar = scalar(endingAt: start, in: bytes), scalar.properties.isWhitespace {
      start -= String(scalar).utf8.count
    }
    return end - start
  }

  private static func spaceLength(startingAt start: Int, in bytes: [UInt8]) -> Int {
    var end = start
    while let scalar = String(decoding: bytes[end...].prefix(4), as: UTF8.self).unicodeScalars
      .first,
      scalar.properties.isWhitespace
    {
      end += String(scalar).utf8.count
    }
    return end - start
  }
}
