import AssayBase
import Foundation

/// Cuts text into the words that are merged each by itself.
struct PreTokenizer: Sendable {
  private enum Cut: Sendable {
    case pattern(BoundedExpression, Behavior, isInverted: Bool)
    case digits(Behavior)
  }

  /// What becomes of the matches of a pattern.
  private enum Behavior: String {
    case removed = "Removed"
    case isolated = "Isolated"
    case contiguous = "Contiguous"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
  }

  /// How GPT-2 cuts text into words.
  private static let wordPattern =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  private var cuts: [Cut] = []
  private var addsPrefixSpace = false
  private var wordExpression: BoundedExpression?

  init(_ component: TokenizerFile.Component?) throws {
    let components = component?.flattened ?? []
    guard let byteLevel = components.last, byteLevel.type == "ByteLevel" else {
      let found = components.map(\.type).joined(separator: ", ")
      throw TokenizerFileError.unsupported(
        found.isEmpty ? "no pre-tokenizer" : "the pre-tokenizer \(found) without a last ByteLevel")
    }
    addsPrefixSpace = byteLevel.addPrefixSpace ?? true
    if byteLevel.useRegex ?? true {
      wordExpression = try PreTokenizer.expression(PreTokenizer.wordPattern)
    }
    for component in components.dropLast() {
      switch component.type {
      case "Split": cuts.append(try PreTokenizer.split(component))
      case "Digits":
        cuts.append(.digits(component.individualDigits == true ? .isolated : .contiguous))
      default: throw TokenizerFileError.unsupported("the pre-tokenizer \(component.type)")
      }
    }
  }

  private static func split(_ component: TokenizerFile.Component) throws -> Cut {
    let name = component.behavior ?? "Isolated"
    guard let behavior = Behavior(rawValue: name) else {
      throw TokenizerFileError.malformed("a Split has the behavior '\(name)'")
    }
    let pattern: String
    if let regex = component.pattern?.regex {
      pattern = regex
    } else if let text = component.pattern?.string {
      pattern = NSRegularExpression.escapedPattern(for: text)
    } else {
      throw TokenizerFileError.malformed("a Split has neither a Regex nor a String")
    }
    return .pattern(try expression(pattern), behavior, isInverted: component.invert == true)
  }

  private static func expression(_ pattern: String) throws -> BoundedExpression {
    do {
      return BoundedExpression(try NSRegularExpression(pattern: pattern))
    } catch {
      throw TokenizerFileError.malformed("the pattern '\(pattern)' is no regular expression")
    }
  }

  /// The words of a text, as UTF-8.
  ///
  /// - Throws: ``TokenizerError/unfinishedPattern(_:)``.
  func words(of text: String) throws -> [[UInt8]] {
    var pieces = [text]
    for cut in cuts { pieces = try pieces.flatMap { try PreTokenizer.apply(cut, to: $0) } }
    if addsPrefixSpace {
      pieces = pieces.map { $0.unicodeScalars.first == " " ? $0 : " " + $0 }
    }
    if let wordExpression {
      let cut = Cut.pattern(wordExpression, .isolated, isInverted: false)
      pieces = try pieces.flatMap { try PreTokenizer.apply(cut, to: $0) }
    }
    return pieces.map { Array($0.utf8) }
  }

  private static func apply(_ cut: Cut, to text: String) throws -> [String] {
    let units = Array(text.utf16)
    var spans: [Span] = []
    func add(_ start: Int, _ end: Int, isMatch: Bool) {
      if start < end { spans.append(Span(range: start..<end, isMatch: isMatch)) }
    }
    let behavior: Behavior
    switch cut {
    case .pattern(let expression, let pattern, let isInverted):
      behavior = pattern
      var end = 0
      guard let matches = expression.matches(in: text) else {
        throw TokenizerError.unfinishedPattern(expression.source)
      }
      for match in matches {
        add(end, match.range.location, isMatch: isInverted)
        end = match.range.location + match.range.length
        add(match.range.location, end, isMatch: !isInverted)
      }
      add(end, units.count, isMatch: isInverted)
    case .digits(let digits):
      behavior = digits
      var end = 0
      for scalar in text.unicodeScalars {
        let start = end
        end += UTF16.width(scalar)
        add(start, end, isMatch: isNumber(scalar))
      }
      // Only digits are cut one by one.
      spans = joined(spans) { !$0.isMatch && !$1.isMatch }
    }
    return arranged(spans, behavior).map { String(decoding: units[$0.range], as: UTF16.self) }
  }

  private struct Span {
    var range: Range<Int>
    var isMatch: Bool
  }

  private static func isNumber(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber: true
    default: false
    }
  }

  private static func arranged(_ spans: [Span], _ behavior: Behavior) -> [Span] {
    switch behavior {
    case .isolated: spans
    case .removed: spans.filter { !$0.isMatch }
    case .contiguous: joined(spans) { $0.isMatch == $1.isMatch }
    case .mergedWithPrevious: joined(spans) { !$0.isMatch && $1.isMatch }
    case .mergedWithNext: joined(spans) { $0.isMatch && !$1.isMatch }
    }
  }

  /// Joins neighbours that `belongTogether`, which is asked about the spans as they were cut.
  private static func joined(
    _ spans: [Span], _ belongTogether: (Span, Span) -> Bool
  ) -> [Span] {
    guard var current = spans.first, var last = spans.first else { return [] }
    var result: [Span] = []
    for span in spans.dropFirst() {
      if belongTogether(last, span) {
        current.range = current.range.lowerBound..<span.range.upperBound
      } else {
        result.append(current)
        current = span
      }
      last = span
    }
    result.append(current)
    return result
  }
}
