import AssayTensors
import Yams

extension ToleranceRules {
  /// Reads rules from a YAML file.
  ///
  /// ```yaml
  /// equal_nan: false            # optional, for all rules
  /// rules:                      # the first that matches a tensor decides
  ///   - module: lm_head$        # a regular expression that is searched for, as all patterns
  ///     slot: ^outputs          # optional, as are dtype, step and device
  ///     dtype: bfloat16
  ///     step: [0, 1]
  ///     device: cpu
  ///     rtol: 1.6e-2            # both, with as many outliers as are allowed, a number or a share
  ///     atol: 1e-5
  ///     outliers: 0.1%
  ///   - module: .*
  ///     bound: rel_l2 <= 1e-3 and cosine >= 0.9999
  /// ```
  ///
  /// - Throws: ``ComparisonError/invalidRules(source:rule:line:reason:)``.
  public init(contentsOfFile path: String) throws(ComparisonError) {
    let file: MappedFile
    do {
      file = try MappedFile(path: path)
    } catch {
      throw .invalidRules(source: path, rule: nil, line: nil, reason: error.reason)
    }
    try RulesDocument.check(byteCount: file.byteCount, path)
    let bytes = file.withUnsafeBytes { Array($0) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .invalidRules(source: path, rule: nil, line: nil, reason: "it is not UTF-8 text")
    }
    try self.init(yaml: text, source: path)
  }

  /// Reads rules from the text of a YAML file.
  ///
  /// - Parameters:
  ///   - yaml: The text.
  ///   - source: What reports and errors call it.
  /// - Throws: ``ComparisonError/invalidRules(source:rule:line:reason:)``.
  public init(yaml: String, source: String? = nil) throws(ComparisonError) {
    let name = source ?? "the tolerance rules"
    try RulesDocument.check(byteCount: yaml.utf8.count, name)
    try RulesDocument.checkAliases(yaml, name)
    let root = try RulesDocument.compose(yaml, name)
    let top = try RuleMapping(root, ["equal_nan", "rules"], RulePlace(source: name))
    guard let list = top.values["rules"] else { throw top.place.failure("rules is missing") }
    guard case .sequence(let nodes) = list, !nodes.isEmpty else {
      throw top.place.failure("rules must be a list of at least one rule", at: list)
    }
    guard nodes.count <= RulesDocument.ruleLimit else {
      throw top.place.failure("there are more than \(RulesDocument.ruleLimit) rules", at: list)
    }
    let equalNaN = try top.flag("equal_nan")
    var rules: [ToleranceRule] = []
    for (position, node) in nodes.enumerated() {
      let place = RulePlace(source: name, rule: position + 1, node: node)
      rules.append(try RuleMapping(node, RuleMapping.keys, place).rule())
    }
    self.init(rules, equalNaN: equalNaN ?? false, source: source)
  }
}

/// The text of a rules file before its meaning.
private enum RulesDocument {
  static let byteLimit = 1 << 20
  static let ruleLimit = 4096
  static let aliasLimit = 16

  static func check(byteCount: Int, _ source: String) throws(ComparisonError) {
    guard byteCount > byteLimit else { return }
    throw .invalidRules(
      source: source, rule: nil, line: nil,
      reason: "\(byteCount) bytes are too many for tolerance rules; the limit is \(byteLimit)")
  }

  /// Refuses texts whose aliases could stand for more than can be read in reasonable time.
  static func checkAliases(_ text: String, _ source: String) throws(ComparisonError) {
    var anchors = Set<Substring>()
    var aliases: [Substring] = []
    var isStart = true
    for index in text.unicodeScalars.indices {
      let scalar = text.unicodeScalars[index]
      if isStart, scalar == "&" || scalar == "*" {
        let name = text.unicodeScalars[index...].dropFirst().prefix {
          $0.properties.isAlphabetic || "0"..."9" ~= $0 || $0 == "_" || $0 == "-"
        }
        if scalar == "&" {
          anchors.insert(Substring(name))
        } else {
          aliases.append(Substring(name))
        }
      }
      isStart = scalar.properties.isWhitespace || "[]{},:?-\u{FEFF}".unicodeScalars.contains(scalar)
    }
    guard aliases.count(where: anchors.contains) > aliasLimit else { return }
    throw .invalidRules(
      source: source, rule: nil, line: nil,
      reason: "more than \(aliasLimit) aliases; write the values out")
  }

  static func compose(_ text: String, _ source: String) throws(ComparisonError) -> Node {
    let root: Node?
    do {
      root = try Yams.compose(yaml: text, .default, .default, .utf8)
    } catch {
      let (line, reason) = Self.facts(of: error, text)
      throw .invalidRules(source: source, rule: nil, line: line, reason: reason)
    }
    guard let root else {
      throw .invalidRules(
        source: source, rule: nil, line: nil, reason: "it is empty; expected a list named rules")
    }
    return root
  }

  private static func facts(of error: any Error, _ text: String) -> (line: Int?, String) {
    switch error {
    case YamlError.scanner(_, let problem, let mark, _),
      YamlError.parser(_, let problem, let mark, _),
      YamlError.composer(_, let problem, let mark, _):
      (mark.line, "it is not YAML: \(problem)")
    case YamlError.reader(let problem, let offset, _, _):
      (offset.map { text.prefix($0).count(where: \.isNewline) + 1 }, "it is not YAML: \(problem)")
    case YamlError.duplicatedKeysInMapping(let keys, let context):
      (context.mark.line, "the key \"\(keys.first ?? "")\" stands there twice")
    default: (nil, "it is not YAML: \(error)")
    }
  }
}

/// Where in a rules file something stands.
private struct RulePlace {
  var source: String
  var rule: Int?
  var node: Node?

  func failure(_ reason: String, at other: Node? = nil) -> ComparisonError {
    .invalidRules(
      source: source, rule: rule, line: (other ?? node)?.mark?.line, reason: reason)
  }
}

/// One mapping of a rules file, whose keys are known.
private struct RuleMapping {
  static let keys = [
    "module", "slot", "dtype", "step", "device", "rtol", "atol", "outliers", "equal_nan", "bound",
  ]

  var values: [String: Node] = [:]
  var place: RulePlace

  init(_ node: Node, _ valid: [String], _ place: RulePlace) throws(ComparisonError) {
    self.place = place
    guard case .mapping(let mapping) = node else {
      throw place.failure("expected keys and values: \(valid.joined(separator: ", "))", at: node)
    }
    for (key, value) in mapping {
      guard case .scalar(let scalar) = key, valid.contains(scalar.string) else {
        let name = if case .scalar(let scalar) = key { "\"\(scalar.string)\"" } else { "a list" }
        throw place.failure(
          "unknown key \(name); the keys are \(valid.joined(separator: ", "))", at: key)
      }
      guard values.updateValue(value, forKey: scalar.string) == nil else {
        throw place.failure("the key \"\(scalar.string)\" stands there twice", at: key)
      }
    }
  }

  func rule() throws(ComparisonError) -> ToleranceRule {
    guard let module = try pattern("module") else { throw place.failure("module is missing") }
    return ToleranceRule(
      module: module, slot: try pattern("slot"), dtype: try dtype(), steps: try steps(),
      device: try text("device").map { Device($0) }, equalNaN: try flag("equal_nan"),
      criterion: try criterion())
  }

  private func criterion() throws(ComparisonError) -> ToleranceRule.Criterion {
    if let text = try text("bound") {
      for key in ["rtol", "atol", "outliers"] {
        if let node = values[key] {
          throw place.failure("\(key) cannot stand beside bound, which decides alone", at: node)
        }
      }
      do {
        return .bound(try MetricBound(parsing: text))
      } catch {
        throw place.failure("\(error)", at: values["bound"])
      }
    }
    guard let rtol = try number("rtol"), let atol = try number("atol") else {
      throw place.failure("a rule needs both rtol and atol, or bound")
    }
    do {
      return .elementwise(
        try ElementRule(rtol: rtol, atol: atol), outliers: try outliers())
    } catch {
      guard case .invalidTolerance(let name, _) = error else { throw error }
      throw place.failure("\(error)", at: values[name])
    }
  }

  // MARK: - Values

  func flag(_ key: String) throws(ComparisonError) -> Bool? {
    guard let node = values[key] else { return nil }
    switch plain(node)?.lowercased() {
    case "true": return true
    case "false": return false
    default: throw wrong(key, "true or false", node)
    }
  }

  private func text(_ key: String) throws(ComparisonError) -> String? {
    guard let node = values[key] else { return nil }
    guard case .scalar(let scalar) = node, !scalar.string.isEmpty else {
      throw wrong(key, "text", node)
    }
    if let plain = plain(node),
      DecimalNumber.value(of: plain) != nil
        || ["true", "false", "null", "~", ".inf", "-.inf", ".nan"].contains(plain.lowercased())
    {
      throw wrong(key, "text (in quotes, if this is meant)", node)
    }
    return scalar.string
  }

  private func pattern(_ key: String) throws(ComparisonError) -> ModulePattern? {
    if let node = values[key], case .scalar(let scalar) = node, scalar.string.isEmpty,
      scalar.style != .plain
    {
      throw place.failure("\(key): the pattern is empty; write .* to match everything", at: node)
    }
    guard let text = try text(key) else { return nil }
    do {
      return try ModulePattern(text)
    } catch {
      throw place.failure("\(key): \(error)", at: values[key])
    }
  }

  private func dtype() throws(ComparisonError) -> DType? {
    guard let name = try text("dtype") else { return nil }
    guard let dtype = DType(torchName: name) else {
      let names = DType.allCases.map(\.rawValue).joined(separator: ", ")
      throw place.failure("dtype \"\(name)\" is none of \(names)", at: values["dtype"])
    }
    return dtype
  }

  private func steps() throws(ComparisonError) -> Set<Int>? {
    guard let node = values["step"] else { return nil }
    let nodes = if case .sequence(let list) = node { Array(list) } else { [node] }
    var steps = Set<Int>()
    for node in nodes {
      guard let text = plain(node), let step = natural(text) else {
        throw wrong("step", "a step's number, from 0, or a list of them", node)
      }
      steps.insert(step)
    }
    guard !steps.isEmpty else { throw wrong("step", "a list of at least one step", node) }
    return steps
  }

  private func number(_ key: String) throws(ComparisonError) -> Double? {
    guard let node = values[key] else { return nil }
    guard let text = plain(node), let value = DecimalNumber.value(of: text) else {
      throw wrong(key, "a finite number that is not negative", node)
    }
    return value
  }

  private func outliers() throws(ComparisonError) -> OutlierBudget {
    guard let node = values["outliers"] else { return .none }
    let expected = "a number of elements, such as 3, or a share of them, such as 0.1%"
    guard let text = plain(node) else { throw wrong("outliers", expected, node) }
    if let count = natural(text) { return count == 0 ? .none : .count(count) }
    guard text.hasSuffix("%"), let percent = DecimalNumber.value(of: text.dropLast()),
      (0...100).contains(percent)
    else { throw wrong("outliers", expected, node) }
    return .share(percent / 100)
  }

  /// The text of a value that is not in quotes.
  private func plain(_ node: Node) -> String? {
    guard case .scalar(let scalar) = node, scalar.style == .plain else { return nil }
    return scalar.string
  }

  private func natural(_ text: String) -> Int? {
    text.allSatisfy { $0.isASCII && $0.isNumber } ? Int(text) : nil
  }

  private func wrong(_ key: String, _ expected: String, _ node: Node) -> ComparisonError {
    let found =
      switch node {
      case .scalar(let scalar) where scalar.string.isEmpty: "nothing"
      case .scalar(let scalar): "\"\(scalar.string.prefix(80))\""
      case .sequence: "a list"
      case .mapping: "keys and values"
      case .alias: "an alias"
      }
    return place.failure("\(key): expected \(expected), found \(found)", at: node)
  }
}
