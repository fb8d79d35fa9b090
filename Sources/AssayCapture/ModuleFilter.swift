public import AssayTensors

/// Which module calls are recorded: those that one of some rules matches, or all.
public struct ModuleFilter: Hashable, Sendable {
  /// The rules, of which the first that matches a module decides; none: everything is recorded.
  public var rules: [Rule]

  /// Makes a filter.
  public init(rules: [Rule] = []) {
    self.rules = rules
  }

  /// A pattern on the module's name and, where it ends in `:i`, the one call that is wanted.
  public struct Rule: Hashable, Sendable {
    /// The pattern on the dotted name.
    public var pattern: ModulePattern
    /// The wanted call; `nil` for all.
    public var call: Int?

    /// Makes a rule.
    public init(pattern: ModulePattern, call: Int? = nil) {
      self.pattern = pattern
      self.call = call
    }
  }

  /// Which calls of a module are wanted.
  enum Selection: Hashable, Sendable {
    case none
    case all
    case only(Int)
  }

  /// The wanted calls of a module, and the position of the rule that decided.
  ///
  /// - Throws: An ``AssayTensors/UnfinishedPattern`` where a rule's matching was given up.
  func selection(
    of module: String
  ) throws(UnfinishedPattern) -> (calls: Selection, rule: Int?) {
    guard !rules.isEmpty else { return (.all, nil) }
    let index = rules.firstIndex { $0.pattern.matches(module) }
    if let unfinished = rules.prefix(index ?? rules.count).lazy.compactMap(\.pattern.unfinished)
      .first
    {
      throw unfinished
    }
    guard let index else { return (.none, nil) }
    return (rules[index].call.map(Selection.only) ?? .all, index)
  }

  /// Whether a call of a module is recorded.
  ///
  /// - Parameters:
  ///   - module: The module's dotted name.
  ///   - call: How many times it ran before within the step.
  /// - Throws: An ``AssayTensors/UnfinishedPattern`` where a pattern takes too long on the name.
  public func matches(_ module: String, call: Int) throws(UnfinishedPattern) -> Bool {
    switch try selection(of: module).calls {
    case .none: false
    case .all: true
    case .only(let wanted): call == wanted
    }
  }
}

extension ModuleFilter.Rule {
  /// Reads `pattern` or `pattern:i`.
  ///
  /// A colon limits the calls only where digits alone follow it up to the end; `(?:…)`, `a:b` and
  /// an escaped `\:1` belong to the pattern.
  ///
  /// - Throws: ``AssayTensors/TensorError/invalidPattern(_:reason:)``, also for a negative, missing
  ///   or huge call.
  public init(_ source: String) throws(TensorError) {
    guard let colon = Self.callSeparator(in: source) else {
      self.init(pattern: try ModulePattern(source))
      return
    }
    let digits = source[source.index(after: colon)...]
    guard let call = Int(digits), call >= 0 else {
      throw .invalidPattern(source, reason: "the call after \":\" must be a number from 0")
    }
    self.init(pattern: try ModulePattern(String(source[..<colon])), call: call)
  }

  /// The last colon, where what follows it can only be meant as a call.
  private static func callSeparator(in source: String) -> String.Index? {
    guard let colon = source.lastIndex(of: ":") else { return nil }
    let backslashes = source[..<colon].reversed().prefix { $0 == "\\" }
    guard backslashes.count.isMultiple(of: 2) else { return nil }
    var digits = source[source.index(after: colon)...]
    if digits.first == "-" { digits.removeFirst() }
    return digits.allSatisfy { ("0"..."9").contains($0) } ? colon : nil
  }

  /// The rule as it was written.
  public var source: String { pattern.source + (call.map { ":\($0)" } ?? "") }
}
