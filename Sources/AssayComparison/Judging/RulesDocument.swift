import AssayBase
import AssayTensors
import Yams

/// The text of a rules file before its meaning.
enum RulesDocument {
  private static let byteLimit = 1 << 20
  private static let ruleLimit = 4096
  private static let aliasLimit = 16

  /// Reads the text of a file.
  ///
  /// - Parameter kind: What stands in it: `tolerance rules`.
  static func text(ofFile path: String, _ kind: String) throws(ComparisonError) -> String {
    let file: MappedFile
    do {
      file = try MappedFile(path: path)
    } catch {
      throw .invalidRules(source: path, rule: nil, line: nil, reason: error.reason)
    }
    try check(byteCount: file.byteCount, path, kind)
    let bytes = file.withUnsafeBytes { Array($0) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .invalidRules(source: path, rule: nil, line: nil, reason: "it is not UTF-8 text")
    }
    return text
  }

  /// Reads a text's top level: some keys, and the list of rules under `rules`.
  ///
  /// - Parameters:
  ///   - name: What errors call the text.
  ///   - kind: What stands in it: `tolerance rules`.
  ///   - keys: The keys of the top level besides `version`, which may only be 1, and `rules`.
  static func parse(
    _ yaml: String, _ name: String, _ kind: String, keys: [String]
  ) throws(ComparisonError) -> (top: RuleFields, rules: [Node]) {
    try check(byteCount: yaml.utf8.count, name, kind)
    try checkAliases(yaml, name)
    let top = try RuleFields(
      try compose(yaml, name), ["version"] + keys + ["rules"], RulePlace(source: name))
    if let node = top.values["version"], top.plain(node) != "1" {
      throw top.wrong("version", "1", node)
    }
    guard let list = top.values["rules"] else {
      // What holds for all tensors needs no rule.
      if top.values["defaults"] != nil { return (top, []) }
      throw top.place.failure("rules is missing")
    }
    guard case .sequence(let nodes) = list, !nodes.isEmpty else {
      throw top.place.failure("rules must be a list of at least one rule", at: list)
    }
    guard nodes.count <= ruleLimit else {
      throw top.place.failure("there are more than \(ruleLimit) rules", at: list)
    }
    return (top, Array(nodes))
  }

  private static func check(
    byteCount: Int, _ source: String, _ kind: String
  ) throws(ComparisonError) {
    guard byteCount > byteLimit else { return }
    throw .invalidRules(
      source: source, rule: nil, line: nil,
      reason: "\(byteCount) bytes are too many for \(kind); the limit is \(byteLimit)")
  }

  /// Refuses texts whose aliases could stand for more than can be read in reasonable time.
  private static func checkAliases(_ text: String, _ source: String) throws(ComparisonError) {
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

  private static func compose(_ text: String, _ source: String) throws(ComparisonError) -> Node {
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
struct RulePlace {
  var source: String
  var rule: Int?
  var node: Node?

  func failure(_ reason: String, at other: Node? = nil) -> ComparisonError {
    .invalidRules(
      source: source, rule: rule, line: (other ?? node)?.mark?.line, reason: reason)
  }
}

/// One mapping of a rules file, whose keys are known.
struct RuleFields {
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

  // MARK: - Values

  func flag(_ key: String) throws(ComparisonError) -> Bool? {
    guard let node = values[key] else { return nil }
    switch plain(node)?.lowercased() {
    case "true": return true
    case "false": return false
    default: throw wrong(key, "true or false", node)
    }
  }

  func text(_ key: String) throws(ComparisonError) -> String? {
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

  func pattern(_ key: String) throws(ComparisonError) -> ModulePattern? {
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

  func dtype(_ key: String = "dtype") throws(ComparisonError) -> DType? {
    guard let name = try text(key) else { return nil }
    guard let dtype = DType(torchName: name) else {
      let names = DType.allCases.map(\.rawValue).joined(separator: ", ")
      throw place.failure("\(key) \"\(name)\" is none of \(names)", at: values[key])
    }
    return dtype
  }

  /// The text of a value that is not in quotes.
  func plain(_ node: Node) -> String? {
    guard case .scalar(let scalar) = node, scalar.style == .plain else { return nil }
    return scalar.string
  }

  func natural(_ text: String) -> Int? {
    text.allSatisfy { $0.isASCII && $0.isNumber } ? Int(text) : nil
  }

  func wrong(_ key: String, _ expected: String, _ node: Node) -> ComparisonError {
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
