import AssayTensors
import Yams

extension ToleranceRules {
  /// Reads rules from a YAML file.
  ///
  /// ```yaml
  /// version: 1                  # optional
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
  ///   - module: softmax$
  ///     equal_non_finite: true  # NaN and Inf belong there: the same ones at the same positions
  ///     rtol: 1e-5
  ///     atol: 1e-8
  ///   - module: .*
  ///     bound: rel_l2 <= 1e-3 and cosine >= 0.9999
  /// ```
  ///
  /// - Throws: ``ComparisonError/invalidRules(source:rule:line:reason:)``.
  public init(contentsOfFile path: String) throws(ComparisonError) {
    try self.init(
      yaml: try RulesDocument.text(ofFile: path, RulesDocument.toleranceRules), source: path)
  }

  /// Reads rules from the text of a YAML file.
  ///
  /// - Parameters:
  ///   - yaml: The text.
  ///   - source: What reports and errors call it.
  /// - Throws: ``ComparisonError/invalidRules(source:rule:line:reason:)``.
  public init(yaml: String, source: String? = nil) throws(ComparisonError) {
    let name = source ?? "the tolerance rules"
    let (top, nodes) = try RulesDocument.parse(
      yaml, name, RulesDocument.toleranceRules, keys: ["equal_nan"])
    let equalNaN = try top.flag("equal_nan")
    var rules: [ToleranceRule] = []
    for (position, node) in nodes.enumerated() {
      let place = RulePlace(source: name, rule: position + 1, node: node)
      rules.append(try RuleFields(node, RuleFields.keys, place).rule())
    }
    self.init(rules, equalNaN: equalNaN ?? false, source: source)
  }
}

extension RulesDocument {
  fileprivate static let toleranceRules = "tolerance rules"
}

extension RuleFields {
  fileprivate static let keys = [
    "module", "slot", "dtype", "step", "device", "rtol", "atol", "outliers", "equal_nan",
    "equal_non_finite", "bound",
  ]

  fileprivate func rule() throws(ComparisonError) -> ToleranceRule {
    guard let module = try pattern("module") else { throw place.failure("module is missing") }
    let equalNaN = try flag("equal_nan")
    let equalNonFinite = try flag("equal_non_finite") ?? false
    if equalNonFinite, equalNaN == false {
      throw place.failure(
        "equal_nan: false contradicts equal_non_finite, under which NaN matches NaN",
        at: values["equal_nan"])
    }
    return ToleranceRule(
      module: module, slot: try pattern("slot"), dtype: try dtype(), steps: try steps(),
      device: try text("device").map { Device($0) }, equalNaN: equalNaN,
      equalNonFinite: equalNonFinite, criterion: try criterion())
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
    let expected =
      "a number of elements, such as 3, or a share of them from 0 to 1, such as 0.1% or 1e-3"
    guard let text = plain(node) else { throw wrong("outliers", expected, node) }
    if let count = natural(text) { return count == 0 ? .none : .count(count) }
    let isPercent = text.hasSuffix("%")
    guard let number = DecimalNumber.value(of: isPercent ? text.dropLast() : text[...]),
      isPercent ? (0...100).contains(number) : (0..<1).contains(number)
    else { throw wrong("outliers", expected, node) }
    return number == 0 ? .none : .share(isPercent ? number / 100 : number)
  }
}
