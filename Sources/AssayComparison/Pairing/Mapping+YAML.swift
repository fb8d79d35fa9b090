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
  /// pattern. What `concatenate` joins are the outputs, unless `slot` names another slot; every
  /// part is compared by itself under the name that it has in the list, and so are the inputs, each
  /// with those of the whole. A further transform is `{slice: {axis: -1, start: 0, end: 64}}`.
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
    let (_, nodes) = try RulesDocument.parse(yaml, name, "mapping rules", keys: [])
    var rules: [MappingRule] = []
    for (position, node) in nodes.enumerated() {
      let place = RulePlace(source: name, rule: position + 1, node: node)
      rules.append(try RuleFields(node, RuleFields.mappingKeys, place).mappingRule())
    }
    self.init(rules, source: source)
  }
}

extension RuleFields {
  fileprivate static let dropKeys = ["drop", "module", "slot"]
  fileprivate static let pairKeys = [
    "actual", "expected", "slot", "expected_slot", "concatenate", "actual_transform",
    "expected_transform",
  ]
  fileprivate static let mappingKeys = pairKeys + ["drop", "module"]

  fileprivate func mappingRule() throws(ComparisonError) -> MappingRule {
    let isDrop = values["drop"] != nil
    let valid = isDrop ? Self.dropKeys : Self.pairKeys
    let foreign = values.filter { !valid.contains($0.key) }
    if let (key, node) = foreign.min(by: { $0.key < $1.key }) {
      throw place.failure(
        isDrop
          ? "\(key) cannot stand beside drop, whose other keys are module and slot"
          : "\(key) belongs to a rule with drop", at: node)
    }
    return isDrop ? try dropRule() : try pairRule()
  }

  private func dropRule() throws(ComparisonError) -> MappingRule {
    let sides: [RunSide]
    switch try text("drop") {
    case "both": sides = RunSide.allCases
    case let word:
      guard let side = word.flatMap(RunSide.init) else {
        throw place.failure("drop must be actual, expected or both", at: values["drop"])
      }
      sides = [side]
    }
    guard let module = try text("module") else { throw place.failure("module is missing") }
    let slot = try text("slot")
    let names = sides.count == 2 ? "both" : sides[0].rawValue
    return MappingRule(
      action: .drop(
        MappingRule.Drop(sides: sides, pattern: try renaming("module", module), slot: slot)),
      line: line, text: "drop \(names): \(module)" + (slot.map { ", slot \($0)" } ?? ""))
  }

  private func pairRule() throws(ComparisonError) -> MappingRule {
    let names = BothSides(actual: try names("actual"), expected: try names("expected"))
    if names.actual.isList, names.expected.isList {
      throw place.failure(
        "only one of actual and expected can be a list; the other is the pattern whose groups the "
          + "list refers to", at: values["expected"])
    }
    let patternSide = names.actual.isList ? RunSide.expected : .actual
    let source = names[patternSide].texts[0]
    let pattern = try renaming(patternSide.rawValue, source)
    var templates: [ModuleNameTemplate] = []
    for text in names[patternSide.other].texts {
      do {
        templates.append(try ModuleNameTemplate(text, groupCount: pattern.groupCount))
      } catch {
        let key = patternSide.other.rawValue
        throw place.failure("\(key): \"\(text)\": \(error.reason)", at: values[key])
      }
    }
    let reach = try reach()
    let axis = try integer("concatenate")
    let action: MappingRule.Action
    if templates.count > 1 {
      guard let axis else {
        throw place.failure(
          "concatenate is missing: along which axis are the tensors of the "
            + "\(templates.count) modules joined?")
      }
      guard Set(templates).count == templates.count else {
        throw place.failure(
          "a module stands in the list twice", at: values[patternSide.other.rawValue])
      }
      for side in RunSide.allCases where reach.slices(side) {
        throw place.failure(
          "slice cannot stand beside concatenate, which takes the parts by itself",
          at: values[side.transformKey])
      }
      action = .split(
        MappingRule.Split(
          wholeSide: patternSide, pattern: pattern, parts: templates, axis: axis, reach: reach))
    } else {
      guard axis == nil else {
        throw place.failure(
          "concatenate needs a list of at least two modules in actual or expected",
          at: values["concatenate"])
      }
      action = .rename(
        MappingRule.Rename(
          patternSide: patternSide, pattern: pattern, template: templates[0], reach: reach))
    }
    return MappingRule(action: action, line: line, text: text(names, axis, reach))
  }

  private func text(
    _ names: BothSides<(texts: [String], isList: Bool)>, _ axis: Int?, _ reach: MappingRule.Reach
  ) -> String {
    var text =
      RunSide.allCases.map { names[$0].texts.joined(separator: " + ") }.joined(separator: " = ")
    if let axis { text += ", concatenated along axis \(axis)" }
    if let slots = reach.slots {
      text +=
        slots.actual == slots.expected
        ? ", slot \(slots.actual)" : ", slot \(slots.actual) = \(slots.expected)"
    }
    for side in RunSide.allCases where !reach.transforms[side].isEmpty {
      let steps = reach.transforms[side].map(\.description).joined(separator: ", ")
      text += "; \(side.rawValue) \(steps)"
    }
    return text
  }

  private func reach() throws(ComparisonError) -> MappingRule.Reach {
    let slot = try text("slot")
    let expectedSlot = try text("expected_slot")
    if slot == nil, expectedSlot != nil {
      throw place.failure(
        "expected_slot needs slot, the actual run's name of it", at: values["expected_slot"])
    }
    let reach = MappingRule.Reach(
      slots: slot.map { BothSides(actual: $0, expected: expectedSlot ?? $0) },
      transforms: BothSides(
        actual: try transforms(.actual), expected: try transforms(.expected)))
    if reach.slices(.actual), reach.slices(.expected) {
      throw place.failure(
        "only one side can be sliced in a rule", at: values[RunSide.expected.transformKey])
    }
    return reach
  }

  // MARK: - Values

  private var line: Int? { place.node?.mark?.line }

  private func renaming(_ key: String, _ text: String) throws(ComparisonError) -> ModuleRenaming {
    do {
      return try ModuleRenaming(text)
    } catch {
      throw place.failure("\(key): \(error)", at: values[key])
    }
  }

  /// One name, or a list of them.
  private func names(_ key: String) throws(ComparisonError) -> (texts: [String], isList: Bool) {
    guard let node = values[key] else { throw place.failure("\(key) is missing") }
    guard case .sequence(let list) = node else {
      guard let text = try text(key) else { throw place.failure("\(key) is missing") }
      return ([text], false)
    }
    guard !list.isEmpty, list.count <= 64 else {
      throw wrong(key, "a module's name, or a list of 1 to 64 of them", node)
    }
    var texts: [String] = []
    for item in list {
      var fields = self
      fields.values[key] = item
      guard let text = try fields.text(key) else { continue }
      texts.append(text)
    }
    return (texts, true)
  }

  private func integer(_ key: String) throws(ComparisonError) -> Int? {
    guard let node = values[key] else { return nil }
    return try integer(node, key)
  }

  private func integer(_ node: Node, _ key: String) throws(ComparisonError) -> Int {
    guard let text = plain(node), let value = Int(text), value.magnitude < 1 << 48 else {
      throw wrong(key, "a whole number", node)
    }
    return value
  }

  private func integers(_ node: Node, _ key: String) throws(ComparisonError) -> [Int] {
    guard case .sequence(let list) = node, list.count <= 64 else {
      throw wrong(key, "a list of at most 64 whole numbers", node)
    }
    var numbers: [Int] = []
    for item in list { numbers.append(try integer(item, key)) }
    return numbers
  }

  private func transforms(_ side: RunSide) throws(ComparisonError) -> [TensorTransform] {
    let key = side.transformKey
    guard let node = values[key] else { return [] }
    guard case .sequence(let list) = node, !list.isEmpty, list.count <= 16 else {
      throw wrong(key, "a list of 1 to 16 transforms, such as [{squeeze: 0}]", node)
    }
    var transforms: [TensorTransform] = []
    for item in list {
      let fields = try RuleFields(item, Self.transformKeys, place)
      guard fields.values.count == 1, let (name, value) = fields.values.first else {
        throw place.failure(
          "\(key): each entry of the list is one transform, such as {squeeze: 0}", at: item)
      }
      transforms.append(try fields.transform(name, value))
    }
    return transforms
  }

  private static let transformKeys = ["squeeze", "transpose", "reshape", "slice", "cast"]

  private func transform(_ name: String, _ node: Node) throws(ComparisonError) -> TensorTransform {
    switch name {
    case "squeeze":
      return .squeeze(try integer(node, name))
    case "transpose":
      let axes = try integers(node, name)
      guard axes.count == 2 else { throw wrong(name, "two axes, such as [0, 1]", node) }
      return .transpose(axes[0], axes[1])
    case "reshape":
      let extents = try integers(node, name)
      guard extents.allSatisfy({ $0 >= -1 }), extents.count(where: { $0 == -1 }) <= 1 else {
        throw wrong(name, "extents from 0, of which one may be -1", node)
      }
      return .reshape(extents)
    case "slice":
      let fields = try RuleFields(node, ["axis", "start", "end"], place)
      guard let axis = try fields.integer("axis") else {
        throw place.failure("slice needs axis, and start or end", at: node)
      }
      let (start, end) = (try fields.integer("start"), try fields.integer("end"))
      guard start != nil || end != nil, start ?? 0 >= 0, end ?? .max > start ?? 0 else {
        throw place.failure("slice needs start or end, from 0, with start below end", at: node)
      }
      return .slice(axis: axis, start: start ?? 0, end: end)
    default:
      guard let dtype = try dtype("cast"), TensorCast.targets.contains(dtype) else {
        let names = TensorCast.targets.map(\.rawValue).joined(separator: ", ")
        throw wrong("cast", "one of \(names)", node)
      }
      return .cast(dtype)
    }
  }
}

extension RunSide {
  fileprivate var transformKey: String { rawValue + "_transform" }
}
