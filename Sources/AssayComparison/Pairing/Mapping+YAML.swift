import AssayTensors
import Yams

extension Mapping {
  /// Reads a mapping from a YAML file.
  ///
  /// ```yaml
  /// version: 1                    # optional
  /// rules:                        # exact names pair first; then the first rule that makes a pair
  ///   - actual: 'layers\.(\d+)\.attn\.wo'            # a pattern that the whole name must match
  ///     expected: 'model.layers.\1.self_attn.o_proj' # a name, made of the pattern's groups
  ///     slot: outputs                                # optional, as is expected_slot: other slots
  ///     actual_transform: [{squeeze: 0}, {transpose: [0, 1]}, {cast: float32}]
  ///     expected_transform: [{reshape: [-1, 64]}]
  ///   - actual: 'layers\.(\d+)\.attn\.qkv_proj'      # is the list's tensors joined along -1
  ///     expected: ['model.layers.\1.self_attn.q_proj', 'model.layers.\1.self_attn.k_proj']
  ///     concatenate: -1
  ///   - drop: expected                               # or actual, or both
  ///     module: 'lm_head'
  /// ```
  ///
  /// The side with a list has the names, and the other the pattern; without a list `actual` is the
  /// pattern. What `concatenate` joins are the outputs, unless `slot` names inputs alone; every
  /// part is compared by itself under the name that it has in the list, and so are the inputs, each
  /// with those of the whole. Further transforms are `{slice: {axis: -1, start: 0, end: 64}}`, which
  /// negative numbers count from the end, and `{part: {axis: -1, index: 0, of: 2}}`.
  ///
  /// A rule may also have
  /// - `slot: [inputs_0, inputs_1]`, or a pattern with `expected_slot: 'inputs_\1'`, or several
  ///   renames: `slots: {inputs_0: hidden, outputs_0: outputs}`;
  /// - `sum: actual`: the tensors of all slots and modules of that side are added up;
  /// - `shared: actual`, `expected` or `both`: that side's tensor may be that of other pairs too;
  /// - `before_names: true`: it is tried before equal names;
  /// - `optional: true`: it may match nothing;
  /// - `steps: [0, 2-3, 8-]` and `device: cuda:0`: it is only for these.
  ///
  /// A name may count on from a group, as `layers.{\1 + 1}`, and end in the number of a call, as its
  /// pattern then does too: `actual: 'rotary_emb:(\d+)'`, `expected: 'layers.\1.rotary_emb:0'`.
  /// `defaults` beside the rules has `optional`, and transforms `squeeze` for all tensors of a side
  /// that have the axis with extent 1; a rule's own transforms of that side, `[]` for none, take
  /// their place.
  ///
  /// - Throws: ``ComparisonError/invalidRules(source:rule:line:reason:)``.
  public init(contentsOfFile path: String) throws(ComparisonError) {
    try self.init(yaml: try RulesDocument.text(ofFile: path, "mapping rules"), source: path)
  }

  /// Reads a mapping from the text of a YAML file.
  ///
  /// - Parameters:
  ///   - yaml: The text.
  ///   - source: What reports and errors call it.
  /// - Throws: ``ComparisonError/invalidRules(source:rule:line:reason:)``.
  public init(yaml: String, source: String? = nil) throws(ComparisonError) {
    let name = source ?? "the mapping"
    let (top, nodes) = try RulesDocument.parse(yaml, name, "mapping rules", keys: ["defaults"])
    let defaults = try top.mappingDefaults()
    var rules: [MappingRule] = []
    for (position, node) in nodes.enumerated() {
      let place = RulePlace(source: name, rule: position + 1, node: node)
      rules.append(try RuleFields(node, RuleFields.mappingKeys, place).mappingRule(defaults))
    }
    self.init(rules, transforms: defaults.transforms, source: source)
  }
}

/// What holds for all rules that do not say otherwise.
private struct MappingDefaults {
  var transforms = BothSides<[TensorTransform]>(actual: [], expected: [])
  var isOptional = false
}

extension RuleFields {
  private static let scopeKeys = ["optional", "steps", "device"]
  private static let dropKeys = ["drop", "module", "slot"] + scopeKeys
  private static let pairKeys =
    [
      "actual", "expected", "slot", "expected_slot", "slots", "concatenate", "sum",
      "actual_transform", "expected_transform", "shared", "before_names",
    ] + scopeKeys
  fileprivate static let mappingKeys = pairKeys + ["drop", "module"]

  fileprivate func mappingDefaults() throws(ComparisonError) -> MappingDefaults {
    var defaults = MappingDefaults()
    guard let node = values["defaults"] else { return defaults }
    let fields = try RuleFields(
      node, ["optional"] + RunSide.allCases.map(\.transformKey), place)
    defaults.isOptional = try fields.flag("optional") ?? false
    for side in RunSide.allCases {
      for transform in try fields.transforms(side) ?? [] {
        guard case .squeeze(let axis) = transform else {
          throw place.failure(
            "\(side.transformKey) of defaults can only squeeze; the rest is for rules",
            at: fields.values[side.transformKey])
        }
        defaults.transforms[side].append(.squeezeWherePossible(axis))
      }
    }
    return defaults
  }

  fileprivate func mappingRule(
    _ defaults: MappingDefaults
  ) throws(ComparisonError) -> MappingRule {
    let isDrop = values["drop"] != nil
    let valid = isDrop ? Self.dropKeys : Self.pairKeys
    let foreign = values.filter { !valid.contains($0.key) }
    if let (key, node) = foreign.min(by: { $0.key < $1.key }) {
      throw place.failure(
        isDrop
          ? "\(key) cannot stand beside drop, whose other keys are module and slot, "
            + Self.scopeKeys.joined(separator: ", ")
          : "\(key) belongs to a rule with drop", at: node)
    }
    var rule = isDrop ? try dropRule() : try pairRule(defaults.transforms)
    rule.isOptional = try flag("optional") ?? defaults.isOptional
    rule.scope = MappingRule.Scope(
      steps: try steps(), device: try text("device").map { Device($0) })
    if let node = values["steps"] { rule.text += ", steps \(Self.words(node))" }
    if let device = rule.scope.device { rule.text += ", device \(device.name)" }
    return rule
  }

  private func dropRule() throws(ComparisonError) -> MappingRule {
    let left = try sides("drop") ?? []
    guard let module = try text("module") else { throw place.failure("module is missing") }
    var text = "drop \(left.count == 2 ? "both" : left[0].rawValue): \(module)"
    let slots = try slotPatterns("slot")
    if let slots { text += ", slot " + slots.map(\.source).joined(separator: ", ") }
    return MappingRule(
      action: .drop(
        MappingRule.Drop(sides: left, pattern: try callPattern("module", module), slots: slots)),
      line: line, text: text)
  }

  private func pairRule(
    _ defaults: BothSides<[TensorTransform]>
  ) throws(ComparisonError) -> MappingRule {
    let names = BothSides(actual: try names("actual"), expected: try names("expected"))
    if names.actual.isList, names.expected.isList {
      throw place.failure(
        "only one of actual and expected can be a list; the other is the pattern whose groups the "
          + "list refers to", at: values["expected"])
    }
    let patternSide = names.actual.isList ? RunSide.expected : .actual
    let pattern = try callPattern(patternSide.rawValue, names[patternSide].texts[0])
    var pair = MappingRule.Pair(
      patternSide: patternSide, pattern: pattern, others: try templates(names, pattern),
      transforms: defaults)
    for side in RunSide.allCases {
      if let own = try transforms(side) { pair.transforms[side] = own }
    }
    for side in try sides("shared") ?? [] { pair.isShared[side] = true }
    pair.precedesNames = try flag("before_names") ?? false
    let axis = try integer("concatenate")
    if let summed = try sides("sum") {
      pair.combination = try sum(of: summed, pair, axis)
    } else {
      pair.slots = try slotRenamings()
      pair.combination = try concatenation(pair, axis)
    }
    return MappingRule(action: .pair(pair), line: line, text: text(names, axis, pair))
  }

  private func templates(
    _ names: BothSides<(texts: [String], isList: Bool)>, _ pattern: CallPattern
  ) throws(ComparisonError) -> [CallTemplate] {
    let key = names.actual.isList ? "actual" : "expected"
    let texts = names.actual.isList ? names.actual.texts : names.expected.texts
    var templates: [CallTemplate] = []
    for text in texts {
      do {
        templates.append(try CallTemplate(text, groupCount: pattern.groupCount))
      } catch {
        throw place.failure("\(key): \"\(text)\": \(error.reason)", at: values[key])
      }
    }
    guard templates.allSatisfy({ $0.hasNumber == pattern.hasNumber }) else {
      throw place.failure(
        "a call's number, such as :0, must stand in both actual and expected, or in neither",
        at: values[key])
    }
    return templates
  }

  private func concatenation(
    _ pair: MappingRule.Pair, _ axis: Int?
  ) throws(ComparisonError) -> MappingRule.Combination? {
    guard pair.others.count > 1 else {
      guard axis == nil else {
        throw place.failure(
          "concatenate needs a list of at least two modules in actual or expected",
          at: values["concatenate"])
      }
      return nil
    }
    guard let axis else {
      throw place.failure(
        "concatenate is missing: along which axis are the tensors of the "
          + "\(pair.others.count) modules joined? Or are they added, with sum: "
          + "\(pair.patternSide.other.rawValue)?")
    }
    try checkTwice(pair)
    for side in RunSide.allCases where pair.transforms[side].slices {
      throw place.failure(
        "slice cannot stand beside concatenate, and neither can part: it takes the parts itself",
        at: values[side.transformKey])
    }
    return .concatenation(axis: axis)
  }

  private func sum(
    of sides: [RunSide], _ pair: MappingRule.Pair, _ axis: Int?
  ) throws(ComparisonError) -> MappingRule.Combination {
    guard let side = sides.first, sides.count == 1 else {
      throw place.failure("sum must be actual or expected", at: values["sum"])
    }
    guard axis == nil, values["slots"] == nil else {
      throw place.failure(
        "\(axis == nil ? "slots" : "concatenate") cannot stand beside sum", at: values["sum"])
    }
    try checkTwice(pair)
    guard pair.others.count == 1 || side != pair.patternSide else {
      throw place.failure(
        "sum: \(side.rawValue) makes one tensor, so \(side.other.rawValue) must be one module",
        at: values[side.other.rawValue])
    }
    let actual = try slotPatterns("slot") ?? []
    let own = BothSides(actual: actual, expected: try slotPatterns("expected_slot") ?? actual)
    guard !actual.isEmpty, !(own.actual + own.expected).contains(where: \.isPattern) else {
      throw place.failure(
        "sum needs slot, and expected_slot for other names: slots without patterns",
        at: values["slot"])
    }
    let terms = own[side].map { Slot($0.source) }
    guard let total = own[side.other].first, own[side.other].count == 1 else {
      throw place.failure(
        "sum: \(side.rawValue) is compared with one slot of the \(side.other.rawValue) run; "
          + "\(own[side.other].count) are named", at: values["sum"])
    }
    let count = terms.count * (side == pair.patternSide ? 1 : pair.others.count)
    guard count > 1, Set(terms).count == terms.count else {
      throw place.failure("sum needs at least two different tensors to add", at: values["sum"])
    }
    return .sum(of: side, terms: terms, total: Slot(total.source))
  }

  private func checkTwice(_ pair: MappingRule.Pair) throws(ComparisonError) {
    guard Set(pair.others).count < pair.others.count else { return }
    throw place.failure(
      "a module stands in the list twice", at: values[pair.patternSide.other.rawValue])
  }

  private func text(
    _ names: BothSides<(texts: [String], isList: Bool)>, _ axis: Int?, _ pair: MappingRule.Pair
  ) -> String {
    var text =
      RunSide.allCases.map { names[$0].texts.joined(separator: " + ") }.joined(separator: " = ")
    if let axis { text += ", concatenated along axis \(axis)" }
    if case .sum(let side, let terms, let total) = pair.combination {
      let sum = terms.map(\.rawValue).joined(separator: " + ")
      text += ", slot " + (side == .actual ? "\(sum) = \(total)" : "\(total) = \(sum)")
    }
    if let slots = pair.slots { text += ", slot " + slots.map(\.text).joined(separator: ", ") }
    for side in RunSide.allCases where values[side.transformKey] != nil {
      let steps = pair.transforms[side].map(\.description).joined(separator: ", ")
      text += "; \(side.rawValue) \(steps.isEmpty ? "as it is" : steps)"
    }
    let shared = RunSide.allCases.filter { pair.isShared[$0] }.map(\.rawValue)
    if !shared.isEmpty { text += ", shared: \(shared.joined(separator: " and "))" }
    if pair.precedesNames { text += ", before names" }
    return text
  }

  /// Which slots pair; `nil` for all.
  private func slotRenamings() throws(ComparisonError) -> [SlotRenaming]? {
    if let node = values["slots"] {
      guard case .mapping(let mapping) = node, !mapping.isEmpty, mapping.count <= 64,
        values["slot"] == nil, values["expected_slot"] == nil
      else {
        throw wrong(
          "slots",
          "1 to 64 slots of the actual run with the expected run's names of them, such as "
            + "{outputs_0: outputs}, and neither slot nor expected_slot beside it", node)
      }
      var renamings: [SlotRenaming] = []
      for (key, value) in mapping {
        var (actual, expected) = (self, self)
        actual.values["slots"] = key
        expected.values["slots"] = value
        for pattern in try actual.slotPatterns("slots") ?? [] {
          renamings.append(try renaming(pattern, try expected.text("slots"), at: value))
        }
      }
      return renamings
    }
    let patterns = try slotPatterns("slot")
    let expected = try text("expected_slot")
    guard let patterns else {
      guard expected == nil else {
        throw place.failure(
          "expected_slot needs slot, the actual run's name of it", at: values["expected_slot"])
      }
      return nil
    }
    guard expected == nil || patterns.count == 1 else {
      throw place.failure(
        "expected_slot is the name of one slot; several are renamed by slots: {outputs_0: outputs}",
        at: values["expected_slot"])
    }
    var renamings: [SlotRenaming] = []
    for pattern in patterns {
      renamings.append(try renaming(pattern, expected, at: values["expected_slot"]))
    }
    return renamings
  }

  private func renaming(
    _ pattern: SlotPattern, _ expected: String?, at node: Node?
  ) throws(ComparisonError) -> SlotRenaming {
    do {
      return try SlotRenaming(pattern, to: expected.flatMap { $0 == pattern.source ? nil : $0 })
    } catch {
      throw place.failure(
        "expected_slot: \"\(expected ?? "")\": \(error.reason)", at: node)
    }
  }
}
