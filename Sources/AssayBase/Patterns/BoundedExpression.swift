package import Foundation
import Synchronization

/// A regular expression in Python's syntax whose matching ends, whatever the pattern and the text.
///
/// The matcher backtracks, so that `(a+)+$` takes time that doubles with each letter. Foundation's
/// own limits, of time and of stack, end in "no match", which a filter must not take for an answer.
/// So its steps are counted here, and an expression that gave up on a text remembers it: whoever
/// tells a verdict that follows from matches asks ``unfinished`` first.
package final class BoundedExpression: Sendable {
  private let expression: NSRegularExpression
  private let options: NSRegularExpression.MatchingOptions
  private let firstUnfinished = Mutex<String?>(nil)

  /// The matcher reports once for each place where a match may begin, and once for each ten thousand
  /// steps of a match: a tenth of a second of them.
  private static let limitOfReports = 1_000

  /// Compiles an expression in the syntax of Python's `re`.
  ///
  /// - Parameter matchesWhole: Whether all of a text must match, as in `re.fullmatch`.
  package convenience init(
    _ source: String, matchesWhole: Bool = false
  ) throws(PythonPattern.Refusal) {
    self.init(
      try PythonPattern.expression(source, matchesWhole: matchesWhole),
      options: matchesWhole ? [.anchored] : [])
  }

  /// Bounds an expression that is compiled.
  package init(
    _ expression: NSRegularExpression, options: NSRegularExpression.MatchingOptions = []
  ) {
    self.expression = expression
    self.options = options.union([.reportProgress, .reportCompletion])
  }

  /// The expression in ICU's syntax.
  package var source: String { expression.pattern }

  /// How many groups the expression has.
  package var groupCount: Int { expression.numberOfCaptureGroups }

  /// The first text on which matching was given up, so that nobody knows whether it matches.
  package var unfinished: String? { firstUnfinished.withLock { $0 } }

  /// The first match in a text; `nil` for none, and where matching was given up.
  package func firstMatch(in text: String) -> NSTextCheckingResult? {
    search(text, limit: 1).matches.first
  }

  /// All matches in a text, one after another; `nil` where matching was given up.
  package func matches(in text: String) -> [NSTextCheckingResult]? {
    let found = search(text, limit: .max)
    return found.isFinished ? found.matches : nil
  }

  private func search(
    _ text: String, limit: Int
  ) -> (matches: [NSTextCheckingResult], isFinished: Bool) {
    let whole = NSRange(text.startIndex..., in: text)
    var matches: [NSTextCheckingResult] = []
    var reports = 0
    var isFinished = true
    expression.enumerateMatches(in: text, options: options, range: whole) { match, flags, stop in
      if let match {
        matches.append(match)
        if matches.count == limit { stop.pointee = true }
      } else if flags.contains(.internalError) {
        // The matcher's stack was full.
        isFinished = false
      } else if flags.contains(.progress) {
        reports += 1
        guard reports > Self.limitOfReports + whole.length else { return }
        isFinished = false
        stop.pointee = true
      }
    }
    if !isFinished { firstUnfinished.withLock { first in if first == nil { first = text } } }
    return (matches, isFinished)
  }
}
