extension MetricBound {
  /// Reads a bound such as `rel_l2 <= 1e-3 and (cosine >= 0.9999 or max_abs <= 1e-4)`.
  ///
  /// `and` binds more tightly than `or`. Errors are bounded by `<=`, and `cosine` and `snr_db`, of
  /// which more is better, by `>=`.
  ///
  /// - Throws: ``ComparisonError/invalidBound(_:reason:)``.
  package init(parsing text: String) throws(ComparisonError) {
    guard text.utf8.count <= 4096 else {
      throw .invalidBound(text.prefix(40) + "…", reason: "it is longer than 4096 bytes")
    }
    do {
      var parser = MetricBoundParser(text)
      self = try parser.parse()
    } catch {
      throw .invalidBound(text, reason: error.reason)
    }
  }
}

/// Reads a bound by recursive descent.
private struct MetricBoundParser {
  struct Failure: Error {
    var reason: String
  }

  private static let depthLimit = 16
  private var rest: ArraySlice<Substring>
  private var depth = 0

  init(_ text: String) {
    rest = Self.tokens(of: text)[...]
  }

  mutating func parse() throws(Failure) -> MetricBound {
    guard !rest.isEmpty else { throw Failure(reason: "it is empty; \(Self.example)") }
    let bound = try alternatives()
    if let token = rest.first {
      throw Failure(reason: "expected \"and\", \"or\" or the end, found \"\(token)\"")
    }
    return bound
  }

  private mutating func alternatives() throws(Failure) -> MetricBound {
    var bounds = [try conjunction()]
    while take("or") { bounds.append(try conjunction()) }
    return bounds.count == 1 ? bounds[0] : .any(bounds)
  }

  private mutating func conjunction() throws(Failure) -> MetricBound {
    var bounds = [try term()]
    while take("and") { bounds.append(try term()) }
    return bounds.count == 1 ? bounds[0] : .all(bounds)
  }

  private mutating func term() throws(Failure) -> MetricBound {
    guard take("(") else { return try comparison() }
    depth += 1
    guard depth <= Self.depthLimit else {
      throw Failure(reason: "parentheses are nested more than \(Self.depthLimit) deep")
    }
    let bound = try alternatives()
    guard take(")") else {
      throw Failure(reason: "expected \")\", found \(Self.quoted(rest.first))")
    }
    depth -= 1
    return bound
  }

  private mutating func comparison() throws(Failure) -> MetricBound {
    let name = rest.popFirst()
    guard let name, let metric = Metric(named: String(name)) else {
      let names = Metric.bounded.map(\.name).joined(separator: ", ")
      throw Failure(reason: "expected a figure, found \(Self.quoted(name)); there are \(names)")
    }
    let sign = rest.popFirst()
    let needed = metric.isBetterLarge ? ">=" : "<="
    guard let sign, sign == needed else {
      throw Failure(
        reason: "expected \"\(needed)\" after \(metric.name), of which "
          + "\(metric.isBetterLarge ? "more" : "less") is better, found \(Self.quoted(sign))")
    }
    let limit = try number(for: metric)
    return metric.isBetterLarge ? .atLeast(metric, limit) : .atMost(metric, limit)
  }

  private mutating func number(for metric: Metric) throws(Failure) -> Double {
    let token = rest.popFirst()
    guard let token, let value = DecimalNumber.value(of: token) else {
      throw Failure(
        reason: "expected a finite number for \(metric.name), found \(Self.quoted(token))")
    }
    guard value >= 0 || metric.isBetterLarge else {
      throw Failure(reason: "\(metric.name) is never negative, so it is never <= \(token)")
    }
    return value
  }

  private mutating func take(_ token: String) -> Bool {
    guard rest.first == token[...] else { return false }
    rest.removeFirst()
    return true
  }

  private static let example = "write for example rel_l2 <= 1e-3 and cosine >= 0.9999"

  private static func quoted(_ token: Substring?) -> String {
    token.map { "\"\($0.prefix(40))\"" } ?? "the end"
  }

  private static func tokens(of text: String) -> [Substring] {
    var tokens: [Substring] = []
    var rest = text[...]
    while let first = rest.first {
      if first.isWhitespace {
        rest.removeFirst()
        continue
      }
      let isSign = "<>=".contains(first)
      let token =
        "()".contains(first)
        ? rest.prefix(1)
        : rest.prefix {
          isSign ? "<>=".contains($0) : !$0.isWhitespace && !"()<>=".contains($0)
        }
      tokens.append(token)
      rest = rest[token.endIndex...]
    }
    return tokens
  }
}

/// Reads numbers as people write them, and no others.
enum DecimalNumber {
  /// The value of an optional sign, digits with an optional point, and an optional exponent;
  /// `nil` for anything else, and for what no Double holds.
  static func value(of text: some StringProtocol) -> Double? {
    let text = String(text)
    guard
      text.wholeMatch(of: /[+\-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+\-]?[0-9]+)?/) != nil,
      let value = Double(text), value.isFinite
    else { return nil }
    return value
  }
}
