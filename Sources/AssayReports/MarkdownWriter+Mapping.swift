import AssayComparison
import AssayTensors

extension MarkdownWriter {
  /// What the mapping's rules did, the pairs that they made and what they left out.
  var mapping: String {
    guard let mapping = comparison.mapping else { return "" }
    var text =
      "## Mapping\n\n"
      + "\(MarkdownText.count(mapping.exactCount, "tensor")) paired by equal names, the rest by the "
      + "first rule that makes a pair.\n\n"
    text += limited(
      ["rule", "", "tensors"], [0, 2],
      mapping.rules.enumerated().map { position, rule in
        ["\(position + 1)", MarkdownText.code(rule.text), "\(rule.count)"]
      })
    text += mappedPairs + dropped(mapping)
    return text
  }

  /// The pairs whose names or forms differ, each once for all steps and calls.
  private var mappedPairs: String {
    var counts: [(origin: PairOrigin, tensors: Int, failing: Int)] = []
    var positions: [[String]: Int] = [:]
    for tensor in entries {
      guard let origin = tensor.pairing, !origin.isExact else { continue }
      let name = [origin.actual, origin.expected].map { cell($0, origin) } + [rule(origin)]
      let position = positions[name] ?? counts.count
      if position == counts.count {
        positions[name] = position
        counts.append((origin, 0, 0))
      }
      counts[position].tensors += 1
      if tensor.verdict.isFailure { counts[position].failing += 1 }
    }
    guard !counts.isEmpty else { return "" }
    let table = limited(
      ["actual", "expected", "rule", "tensors", "failing"], [2, 3, 4],
      counts.map {
        [cell($0.origin.actual, $0.origin), cell($0.origin.expected, $0.origin), rule($0.origin)]
          + ["\($0.tensors)", "\($0.failing)"]
      })
    return "\n"
      + folded(
        table, summary: MarkdownText.count(counts.count, "pair") + " by rules",
        when: !verbose && counts.count > 20)
  }

  private func dropped(_ mapping: MappingSummary) -> String {
    guard !mapping.dropped.isEmpty else { return "" }
    var counts: [(names: [String], tensors: Int)] = []
    var positions: [[String]: Int] = [:]
    for dropped in mapping.dropped {
      let names = [
        dropped.isActual ? "actual" : "expected",
        MarkdownText.code(dropped.key.module) + " " + MarkdownText.code(dropped.key.slot.rawValue),
        "\(dropped.rule + 1)",
      ]
      let position = positions[names] ?? counts.count
      if position == counts.count {
        positions[names] = position
        counts.append((names, 0))
      }
      counts[position].tensors += 1
    }
    return "\n**Left out by the mapping**, and not compared: "
      + "\(MarkdownText.count(mapping.dropped.count, "tensor")).\n\n"
      + limited(
        ["run", "tensor", "rule", "tensors"], [2, 3], counts.map { $0.names + ["\($0.tensors)"] })
  }

  /// How a tensor was paired, for the table of its figures; `nil` where names alone made the pair.
  func pairing(_ tensor: TensorResult) -> [String]? {
    guard let origin = tensor.pairing, !origin.isExact else { return nil }
    return [
      "paired by rule \(rule(origin))",
      "\(cell(origin.actual, origin)) with \(cell(origin.expected, origin))",
    ]
  }

  private func rule(_ origin: PairOrigin) -> String { origin.rule.map { "\($0 + 1)" } ?? "–" }

  private func cell(_ side: PairOrigin.Side, _ origin: PairOrigin) -> String {
    MarkdownText.code(side.module) + (origin.crossesCalls ? " (call \(side.call))" : "") + " "
      + MarkdownText.code(side.slot.rawValue)
      + side.operations.map { ", \(MarkdownText.plain($0))" }.joined()
  }

  private func limited(
    _ heading: [String], _ rightAligned: Set<Int>, _ rows: [[String]]
  ) -> String {
    let limit = verbose ? rows.count : MarkdownWriter.rowLimit
    var text = MarkdownText.table(
      heading, rightAligned: rightAligned, Array(rows.prefix(limit)))
    if rows.count > limit {
      text += "\n\(rows.count - limit) more are not shown; the verbose report shows all.\n"
    }
    return text
  }
}

extension PairOrigin {
  /// Whether no rule had a part in it.
  fileprivate var isExact: Bool { rule == nil }
}

extension RunComparison {
  /// How many tensors the mapping left out; `nil` for none.
  var droppedText: String? {
    guard let count = mapping?.dropped.count, count > 0 else { return nil }
    return "\(MarkdownText.count(count, "tensor")) left out by the mapping"
  }
}
