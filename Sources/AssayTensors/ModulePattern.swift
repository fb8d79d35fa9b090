import Foundation

/// A regular expression that is searched for in module names, as Python's `re.search` does.
public struct ModulePattern: Sendable {
  /// The expression in Python's syntax.
  public let source: String
  private let expression: NSRegularExpression

  /// Makes a pattern.
  ///
  /// - Throws: ``TensorError/invalidPattern(_:reason:)``.
  public init(_ source: String) throws(TensorError) {
    self.source = source
    do {
      expression = try NSRegularExpression(pattern: source, options: [.useUnixLineSeparators])
    } catch {
      throw .invalidPattern(source, reason: "not a regular expression")
    }
  }

  /// Whether the expression is found anywhere in the name.
  public func matches(_ name: String) -> Bool {
    let range = NSRange(name.startIndex..., in: name)
    return expression.firstMatch(in: name, range: range) != nil
  }
}

extension ModulePattern: Hashable {
  public static func == (left: ModulePattern, right: ModulePattern) -> Bool {
    left.source == right.source
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(source) }
}
