import AssayBase

/// A regular expression whose matching was given up, so that what it selects is not known.
public struct UnfinishedPattern: Error, Sendable, Equatable {
  /// The expression in Python's syntax.
  public let pattern: String
  /// The first name on which it was given up.
  public let name: String

  package init(pattern: String, name: String) {
    self.pattern = pattern
    self.name = name
  }
}

extension UnfinishedPattern: CustomStringConvertible {
  /// What happened and what to do, in one sentence.
  public var description: String {
    let shown = name.count > 80 ? "\(name.prefix(80))… (\(name.count) characters)" : name
    return "the pattern \"\(pattern)\" takes too long on \"\(shown)\", so that nobody knows "
      + "whether it matches: repeat nothing that repeats itself, as (a+)+ does, and write what a "
      + "name has between its parts, as in layers\\.\\d+\\.mlp"
  }
}
