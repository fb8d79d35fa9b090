import AssayBase
package import AssayRuns
import Yams

extension Placements {
  /// Reads a placements file.
  ///
  /// ```yaml
  /// version: 1                       # optional
  /// mesh: [pp: 2, tp: 2]             # the axes, the slowest first
  /// replicas: {rtol: 0, atol: 0}     # optional: within what replicas must agree
  /// rules:                           # the first that covers a tensor decides
  ///   - module: 'model\.layers\.\d+\.self_attn\.qkv_proj'  # matches the whole name
  ///     slot: outputs_0              # or a list, each a pattern for the whole name; all without it
  ///     tp: {shard: -1, parts: [128, {width: 64, replicas: 2}, {width: 64, replicas: 2}]}
  ///     pp: stage
  /// ```
  ///
  /// - Throws: ``ComparisonError/invalidRules(source:rule:line:reason:)``.
  package init(contentsOfFile path: String) throws(ComparisonError) {
    try self.init(yaml: try RulesDocument.text(ofFile: path, "placements"), source: path)
  }

  /// Reads placements from the text of a YAML file.
  ///
  /// - Parameter source: What reports and errors call it.
  /// - Throws: ``ComparisonError/invalidRules(source:rule:line:reason:)``.
  package init(yaml: String, source: String) throws(ComparisonError) {
    let (top, nodes) = try RulesDocument.parse(yaml, source, "placements", keys: Self.keys)
    var head: [String: JSONValue] = [:]
    for key in Self.keys {
      if let node = top.values[key] { head[key] = try node.json(top.place) }
    }
    do {
      try self.init(head: .object(head), source: source)
    } catch {
      throw top.place.failure(error.placementReason)
    }
    for (position, node) in nodes.enumerated() {
      let place = RulePlace(source: source, rule: position + 1, node: node)
      do {
        rules.append(
          try PlacementRule(
            json: try node.json(place), number: position + 1, mesh: mesh, source: source))
      } catch let error as RunError {
        throw place.failure(error.placementReason)
      } catch let error as ComparisonError {
        throw error
      } catch {
        throw place.failure("\(error)")
      }
    }
  }
}

extension RunError {
  fileprivate var placementReason: String {
    if case .invalidPlacements(_, _, let reason) = self { reason } else { description }
  }
}

extension Node {
  /// The same as JSON: plain scalars that look like numbers are numbers, all others texts.
  fileprivate func json(_ place: RulePlace) throws(ComparisonError) -> JSONValue {
    switch self {
    case .scalar(let scalar):
      if scalar.style == .plain {
        if let whole = Int64(scalar.string) { return .integer(whole) }
        if let number = DecimalNumber.value(of: scalar.string) { return .init(real: number) }
      }
      return .string(scalar.string)
    case .sequence(let items):
      var values: [JSONValue] = []
      for item in items { values.append(try item.json(place)) }
      return .array(values)
    case .mapping(let mapping):
      var members: [String: JSONValue] = [:]
      for (key, value) in mapping {
        guard case .scalar(let name) = key else {
          throw place.failure("a key is no text", at: key)
        }
        guard members.updateValue(try value.json(place), forKey: name.string) == nil else {
          throw place.failure("the key \"\(name.string)\" stands there twice", at: key)
        }
      }
      return .object(members)
    case .alias: throw place.failure("an alias has no place here", at: self)
    }
  }
}
