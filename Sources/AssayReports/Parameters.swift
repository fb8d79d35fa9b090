import AssayBase
import AssayComparison
import AssayRuns
import AssayTensors

/// One thing that was chosen about a comparison, as every report shows it.
struct Parameter {
  /// Its name in every report.
  var name: String
  /// What the JSON has; `nil` where it has nothing of the kind.
  var json: JSONValue?
  /// What a reader sees; `nil` where that is nothing.
  var text: ((Markup) -> String)?
  /// Whether it is something else than what holds unasked.
  var isChosen = true
}

extension RunComparison {
  /// All parameters, in the order in which they are shown.
  var parameters: [Parameter] {
    tolerance + [
      Parameter(
        name: "integer_rules", json: .array(rulesOfIntegers.map { .integer(Int64($0)) }),
        text: { _ in integersText }, isChosen: !rulesOfIntegers.isEmpty),
      Parameter(
        name: "equal_nan", json: .bool(options.tolerance.equalNaN),
        text: { _ in options.tolerance.equalNaN ? "yes" : "no" },
        isChosen: options.tolerance.equalNaN),
      selection(
        "steps", options.steps, { .integer(Int64($0)) }, { _, step in "\(step)" }, unasked: "all"),
      selection(
        "modules", options.modules?.map(\.source), JSONValue.string, { $0.code($1) },
        unasked: "all"),
      selection(
        "sides",
        options.sides.map { sides in
          Slot.Side.allCases.filter(sides.contains).map(\.rawValue)
        }, JSONValue.string, { $1 }),
      Parameter(
        name: "device_map",
        json: .object(
          NameMap(options.deviceMap.map { ($0.actual.name, .string($0.expected.name)) })),
        text: options.deviceMap.isEmpty
          ? nil
          : { markup in
            options.deviceMap.map { markup.code("\($0.actual)=\($0.expected)") }
              .joined(separator: ", ")
          }, isChosen: !options.deviceMap.isEmpty),
      Parameter(
        name: "isolated", json: .bool(options.isIsolated),
        text: options.isIsolated
          ? { _ in "yes: every module was given the expected run's inputs" } : nil,
        isChosen: options.isIsolated),
    ]
      + rowParameters + [
        name("floor", options.floor?.path),
        name("mapping", options.mapping.map { $0.source ?? "made in code" }),
        name("logits", options.logits?.source),
      ]
  }

  /// What was chosen about rows; nothing unless something was.
  private var rowParameters: [Parameter] {
    var parameters: [Parameter] = []
    if options.alignment != .automatic {
      parameters.append(
        Parameter(
          name: "align", json: .string(options.alignment.rawValue),
          text: { _ in options.alignment.rawValue }))
    }
    if !options.requestMap.isEmpty {
      let map = options.requestMap.map { "\($0.actual)=\($0.expected)" }
      parameters.append(
        Parameter(
          name: "request_map", json: .array(map.map(JSONValue.string)),
          text: { markup in map.map { markup.code($0) }.joined(separator: ", ") }))
    }
    return parameters
  }

  private var tolerance: [Parameter] {
    func bound(_ name: String, _ bound: Double?) -> Parameter {
      Parameter(
        name: name, json: bound.map(JSONValue.init(real:)) ?? .null,
        text: bound.map { bound in { _ in MarkdownText.exact(bound) } })
    }
    func kind(_ kind: String, _ text: ((Markup) -> String)?) -> Parameter {
      Parameter(name: "tolerance", json: .string(kind), text: text)
    }
    switch options.tolerance.kind {
    case .elementwise(let rtol, let atol):
      return [kind("elementwise", nil), bound("rtol", rtol), bound("atol", atol)]
    case .torch:
      return [
        kind("torch") { "\($0.code("torch.testing.assert_close")) by dtype" },
        bound("rtol", nil), bound("atol", nil),
      ]
    case .rules(let rules):
      let source = Parameter(
        name: "tolerance_source", json: rules.source.map(JSONValue.string) ?? .null)
      return [
        kind("rules") { markup in
          MarkdownText.count(rules.rules.count, "rule")
            + (rules.source.map { " of " + markup.code($0) } ?? "")
        }, source, bound("rtol", nil), bound("atol", nil),
      ]
    }
  }

  private func selection<Item>(
    _ name: String, _ items: [Item]?, _ json: (Item) -> JSONValue,
    _ text: @escaping (Markup, Item) -> String, unasked: String? = nil
  ) -> Parameter {
    let shown: ((Markup) -> String)? =
      if let items {
        { markup in items.map { text(markup, $0) }.joined(separator: ", ") }
      } else {
        unasked.map { unasked in { _ in unasked } }
      }
    return Parameter(
      name: name, json: items.map { .array($0.map(json)) } ?? .null, text: shown,
      isChosen: items != nil)
  }

  private func name(_ name: String, _ value: String?) -> Parameter {
    Parameter(
      name: name, json: value.map(JSONValue.string) ?? .null,
      text: value.map { value in { $0.code(value) } }, isChosen: value != nil)
  }

  /// How integers were compared.
  private var integersText: String {
    let rules = rulesOfIntegers.map { "\($0 + 1)" }.joined(separator: ", ")
    return rules.isEmpty
      ? "none: integers are compared exactly" : "\(rules): other integers are compared exactly"
  }
}
