package import Foundation

/// Translates a regular expression from Python's syntax to ICU's.
///
/// Every literal and class is written anew in the few constructs that ICU reads one way only, and
/// every group gets a number for a name, so nothing of ICU's own syntax shines through.
package struct PythonPattern {
  /// Why Python would refuse the expression, in its words.
  package struct Refusal: Error {
    /// The reason.
    package let text: String
  }

  /// How many characters something matches, at least and at most.
  struct Width {
    var least = 0
    var most = 0
    static let limit = 1 << 32

    static func + (left: Width, right: Width) -> Width {
      Width(least: min(left.least + right.least, limit), most: min(left.most + right.most, limit))
    }

    func times(_ least: Int, _ most: Int) -> Width {
      func product(_ count: Int, _ width: Int) -> Int {
        let (value, overflow) = count.multipliedReportingOverflow(by: width)
        return overflow ? Width.limit : min(value, Width.limit)
      }
      return Width(least: product(least, self.least), most: product(most, self.most))
    }
  }

  /// One item of a sequence, to which a quantifier may be put.
  struct Piece {
    enum Kind { case item, position, repeated }
    var text: String
    var width = Width()
    var kind = Kind.item
  }

  /// What the flags in force are.
  struct Flags {
    var verbose = false
    var ascii = false
  }

  /// A `(?x)` was found: all of the expression is verbose.
  struct VerboseFound: Error {}

  let source: [Unicode.Scalar]
  var position = 0
  var global: Flags
  /// The width of each group that is closed; `nil` for one that is still open.
  var groups: [Width?] = []
  var names: [String: Int] = [:]
  /// How many groups there were when the outermost lookbehind began.
  var groupsBeforeLookbehind: Int?
  var depth = 0

  init(_ source: String, verbose: Bool) {
    self.source = Array(source.unicodeScalars)
    global = Flags(verbose: verbose)
  }

  /// Compiles an expression in Python's syntax (3.11).
  ///
  /// Lookarounds, `(?P<name>…)` and inline flags are included; what `re` refuses is refused.
  /// Conditional groups and `\N{…}` are not supported.
  ///
  /// - Parameter matchesWhole: Whether all of a text must match, as in `re.fullmatch`, when the match
  ///   is anchored at its beginning.
  package static func expression(
    _ source: String, matchesWhole: Bool = false
  ) throws(Refusal) -> NSRegularExpression {
    let translation = try translate(source)
    do {
      // Python's `.`, `^` and `$` know no line separator but "\n".
      return try NSRegularExpression(
        pattern: matchesWhole ? "(?:\(translation))\\z" : translation,
        options: .useUnixLineSeparators)
    } catch {
      throw Refusal(text: "this use of regular expressions is not supported")
    }
  }

  static func translate(_ source: String) throws(Refusal) -> String {
    do {
      return try translate(source, verbose: false)
    } catch is VerboseFound {
      do {
        return try translate(source, verbose: true)
      } catch {
        throw (error as? Refusal) ?? Refusal(text: "\(error)")
      }
    } catch {
      throw (error as? Refusal) ?? Refusal(text: "\(error)")
    }
  }

  private static func translate(_ source: String, verbose: Bool) throws -> String {
    var parser = PythonPattern(source, verbose: verbose)
    let (text, _) = try parser.alternatives(nil)
    guard parser.next == nil else { throw Refusal(text: "unbalanced parenthesis") }
    return text.isEmpty ? "(?:)" : text
  }
}

// MARK: - Reading

extension PythonPattern {
  var next: Unicode.Scalar? { position < source.count ? source[position] : nil }

  mutating func take() -> Unicode.Scalar? {
    guard let scalar = next else { return nil }
    position += 1
    return scalar
  }

  mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    position += 1
    return true
  }

  mutating func take(while accepts: (Unicode.Scalar) -> Bool, atMost count: Int = .max) -> String {
    var text = ""
    while let scalar = next, text.unicodeScalars.count < count, accepts(scalar) {
      text.unicodeScalars.append(scalar)
      position += 1
    }
    return text
  }

  /// Reads up to a terminator, which is consumed.
  mutating func take(until terminator: Unicode.Scalar, what: String) throws -> String {
    let text = take(while: { $0 != terminator })
    guard !text.isEmpty || next != nil else { throw Refusal(text: "missing \(what)") }
    guard take(terminator) else {
      throw Refusal(text: "missing \(terminator), unterminated name")
    }
    guard !text.isEmpty else { throw Refusal(text: "missing \(what)") }
    return text
  }

  /// One character as ICU reads it literally, inside a class and outside.
  static func literal(_ scalar: Unicode.Scalar) -> String {
    let isPlain =
      scalar == "_" || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
      || scalar.isDigit
    return isPlain ? String(scalar) : "\\x{" + String(scalar.value, radix: 16) + "}"
  }
}

extension Unicode.Scalar {
  var isDigit: Bool { ("0"..."9").contains(self) }
  var isOctalDigit: Bool { ("0"..."7").contains(self) }
  var isHexDigit: Bool { properties.isASCIIHexDigit }
  var isASCIILetter: Bool { ("a"..."z").contains(self) || ("A"..."Z").contains(self) }
}

// MARK: - Sequences and quantifiers

extension PythonPattern {
  /// Reads alternatives up to a closing parenthesis or the end.
  ///
  /// - Parameter flags: The flags of the group; `nil` at the top, where flags may be set.
  mutating func alternatives(_ flags: Flags?) throws -> (text: String, width: Width) {
    depth += 1
    defer { depth -= 1 }
    guard depth <= 200 else { throw Refusal(text: "groups are nested too deeply") }
    var texts: [String] = []
    var width: Width?
    repeat {
      let pieces = try sequence(flags, isStart: flags == nil && texts.isEmpty)
      texts.append(pieces.map(\.text).joined())
      let own = pieces.reduce(Width()) { $0 + $1.width }
      width = Width(
        least: min(width?.least ?? own.least, own.least),
        most: max(width?.most ?? own.most, own.most))
    } while take("|")
    return (texts.joined(separator: "|"), width ?? Width())
  }

  private mutating func sequence(_ flags: Flags?, isStart: Bool) throws -> [Piece] {
    var pieces: [Piece] = []
    var prefix = ""
    while let scalar = next, scalar != "|", scalar != ")" {
      let flags = flags ?? global
      position += 1
      if flags.verbose {
        if [" ", "\t", "\n", "\r", "\u{B}", "\u{C}"].contains(scalar) { continue }
        if scalar == "#" {
          while let skipped = take(), skipped != "\n" {}
          continue
        }
      }
      switch scalar {
      case "*", "+", "?", "{":
        guard let bounds = try quantifier(scalar) else {
          pieces.append(Piece(text: Self.literal(scalar), width: Width(least: 1, most: 1)))
          continue
        }
        try quantify(&pieces, by: bounds)
      case "(":
        switch try group(flags, isStart: isStart && pieces.isEmpty) {
        case .piece(let piece): pieces.append(piece)
        case .globalFlags(let text): prefix += text
        case .comment: break
        }
      case "[":
        pieces.append(Piece(text: try characterClass(flags), width: Width(least: 1, most: 1)))
      case ".":
        pieces.append(Piece(text: ".", width: Width(least: 1, most: 1)))
      case "^", "$":
        pieces.append(Piece(text: String(scalar), kind: .position))
      case "\\":
        pieces.append(try escape(flags))
      default:
        pieces.append(Piece(text: Self.literal(scalar), width: Width(least: 1, most: 1)))
      }
    }
    if !prefix.isEmpty { pieces.insert(Piece(text: prefix), at: 0) }
    return pieces
  }

  private typealias Bounds = (text: String, least: Int, most: Int)

  /// Reads the rest of a quantifier; `nil` where a brace is only a brace.
  private mutating func quantifier(_ scalar: Unicode.Scalar) throws -> Bounds? {
    switch scalar {
    case "*": return ("*", 0, Width.limit)
    case "+": return ("+", 1, Width.limit)
    case "?": return ("?", 0, 1)
    default: break
    }
    let start = position
    if next == "}" { return nil }
    let low = take(while: \.isDigit)
    let high = take(",") ? take(while: \.isDigit) : low
    guard take("}") else {
      position = start
      return nil
    }
    let least = low.isEmpty ? 0 : Int(low) ?? .max
    let most = high.isEmpty ? Width.limit : Int(high) ?? .max
    guard least < Width.limit, high.isEmpty || most < Width.limit else {
      throw Refusal(text: "the repetition number is too large")
    }
    guard least <= most else {
      throw Refusal(text: "min repeat greater than max repeat")
    }
    return ("{\(least),\(high.isEmpty ? "" : String(most))}", least, most)
  }

  private mutating func quantify(_ pieces: inout [Piece], by bounds: Bounds) throws {
    guard let piece = pieces.last, piece.kind != .position else {
      throw Refusal(text: "nothing to repeat")
    }
    guard piece.kind != .repeated else { throw Refusal(text: "multiple repeat") }
    let suffix = take("?") ? "?" : take("+") ? "+" : ""
    pieces[pieces.count - 1] = Piece(
      text: piece.text + bounds.text + suffix,
      width: piece.width.times(bounds.least, bounds.most), kind: .repeated)
  }
}
