import AssayBase
import Foundation

/// A regular expression that is searched for in module names, as Python's `re.search` does.
///
/// The syntax is Python's (3.11): lookarounds, `(?P<name>…)` and inline flags included; what `re`
/// refuses is refused. Conditional groups and `\N{…}` are not supported. Like Python's, the matcher
/// backtracks: a pattern such as `(a+)+$` can take exponential time on an unlucky name. It is given
/// up then, which ``unfinished`` tells.
public struct ModulePattern: Sendable {
  /// The expression in Python's syntax.
  public let source: String
  private let expression: BoundedExpression

  /// Makes a pattern.
  ///
  /// - Throws: ``TensorError/invalidPattern(_:reason:)``.
  public init(_ source: String) throws(TensorError) {
    self.source = source
    do {
      expression = try BoundedExpression(source)
    } catch {
      throw .invalidPattern(source, reason: error.text)
    }
  }

  /// Whether the expression is found anywhere in the name; `false` too where matching was given up,
  /// which ``unfinished`` tells.
  public func matches(_ name: String) -> Bool { expression.firstMatch(in: name) != nil }

  /// What to say of the first name on which matching was given up, because it takes too long.
  ///
  /// `nil` while there is none. Otherwise what follows from the pattern's matches is void.
  public var unfinished: UnfinishedPattern? {
    expression.unfinished.map { UnfinishedPattern(pattern: source, name: $0) }
  }
}

extension ModulePattern: Hashable {
  /// Whether two patterns are written alike.
  public static func == (left: ModulePattern, right: ModulePattern) -> Bool {
    left.source.isSame(as: right.source)
  }

  /// Hashes the source.
  public func hash(into hasher: inout Hasher) { source.hashBytes(into: &hasher) }
}

extension ModulePattern: CustomStringConvertible {
  /// The expression in Python's syntax.
  public var description: String { source }
}
