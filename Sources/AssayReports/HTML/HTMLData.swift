import AssayBase
import AssayComparison
import AssayRuns
import AssayTensors
import Foundation

/// The figures of a comparison as compact JSON, by columns, that may stand in a script element.
///
/// Every text is a position in `strings`; every column has one entry for each call or tensor.
struct HTMLData {
  static func json(_ comparison: RunComparison) -> String {
    var data = HTMLData()
    data.write(comparison)
    return data.text
  }

  private var text = "{"
  private var strings: [String] = []
  private var positions: NameMap<Int> = [:]

  private struct Call {
    var module: ModuleResult
    var firstTensor: Int
  }

  private mutating func write(_ comparison: RunComparison) {
    var calls: [Call] = []
    var tensors: [(call: Int, result: TensorResult)] = []
    for step in comparison.steps {
      for module in step.modules {
        calls.append(Call(module: module, firstTensor: tensors.count))
        tensors += module.tensors.map { (calls.count - 1, $0) }
      }
    }
    text.reserveCapacity(1 << 16 + tensors.count * 256)
    writeCalls(calls, comparison.options.tolerance)
    text += ","
    writeTensors(tensors)
    text += ",\"metrics\":["
    list(Metric.all) { $0.append($1) }
    text += "],\"details\":{"
    var isFirst = true
    for (position, tensor) in tensors.enumerated() {
      guard let detail = tensor.result.detail else { continue }
      text += (isFirst ? "" : ",") + "\"\(position)\":"
      isFirst = false
      write(detail)
    }
    let divergence = comparison.firstDivergence ?? comparison.firstDifference
    let first = divergence.flatMap { divergence in
      tensors.firstIndex { $0.result.key == divergence.tensor.key }
    }
    text += "},\"first\":\(first.map(String.init) ?? "null")"
    text += ",\"mark\":"
    append(divergence.map { comparison.birthMark(at: $0.call) } ?? "")
    text += ",\"match\":\(comparison.isMatch),\"isolated\":\(comparison.options.isIsolated)"
    text += ",\"limit\":"
    append(comparison.options.tolerance.growthLimitText)
    text += ",\"strings\":["
    list(strings) { $0.append($1) }
    text += "]}"
  }

  // MARK: - Columns

  private mutating func writeCalls(_ calls: [Call], _ tolerance: Tolerance) {
    text += "\"calls\":{"
    column("step", calls) { $0.append($1.module.call.step) }
    column("name", calls, ",") { $0.append($0.position($1.module.call.module)) }
    column("call", calls, ",") { $0.append($1.module.call.index) }
    column("verdict", calls, ",") { $0.append($0.position($1.module.verdict.rawValue)) }
    column("cause", calls, ",") { $0.append($0.position($1.module.origin?.cause.rawValue)) }
    column("in", calls, ",") { $0.append($1.module.inputError) }
    column("out", calls, ",") { $0.append($1.module.outputError) }
    column("limit", calls, ",") { $0.append($1.module.growthLimit(under: tolerance)) }
    column("first", calls, ",") { $0.append($1.firstTensor) }
    text += "}"
  }

  private mutating func writeTensors(_ tensors: [(call: Int, result: TensorResult)]) {
    text += "\"tensors\":{"
    column("call", tensors) { $0.append($1.call) }
    column("slot", tensors, ",") { $0.append($0.position($1.result.slot.rawValue)) }
    column("device", tensors, ",") { $0.append($0.position($1.result.device.name)) }
    column("dtype", tensors, ",") { $0.append($0.position($1.result.dtype?.rawValue)) }
    column("shape", tensors, ",") { $0.append($0.position($1.result.shape?.description)) }
    column("verdict", tensors, ",") { $0.append($0.position($1.result.verdict.rawValue)) }
    column("reason", tensors, ",") { $0.append($0.position($1.result.shownReason)) }
    column("rule", tensors, ",") { $0.append($1.result.rule.map { $0 + 1 }) }
    column("worst", tensors, ",") { data, tensor in
      let worst = tensor.result.difference?.maxAbs
      data.append(worst.flatMap { $0.value > 0 ? $0.index : nil })
    }
    column("row", tensors, ",") { data, tensor in
      let row = tensor.result.difference?.worstRow
      data.append(row.flatMap { $0.value > 0 ? $0.row : nil })
    }
    for metric in Metric.all {
      column(metric.path, tensors, ",") { data, tensor in
        let value = metric.reading(of: tensor.result)?.value
        // One digit more than are shown, so that sorting tells equals apart.
        switch metric.format {
        case .real(let digits): data.append(value, digits: digits + 1)
        case .bound: data.append(Double(MarkdownText.bound(value)))
        case .count, .share: data.append(value)
        }
      }
    }
    text += "}"
  }

  /// What the script has to know of a figure.
  private mutating func append(_ metric: Metric) {
    text += "{\"key\":"
    append(metric.path)
    text += ",\"title\":"
    append(metric.meaning)
    if case .real(let digits) = metric.format, digits != 3 { text += ",\"digits\":\(digits)" }
    if metric.format == .share { text += ",\"share\":1" }
    if let unit = metric.unit {
      text += ",\"unit\":"
      append(unit)
    }
    text += metric.isMain ? ",\"main\":1}" : "}"
  }

  private mutating func write(_ detail: TensorDetail) {
    text += "{\"quantiles\":["
    list(detail.quantiles) { $0.append($1) }
    text += "],\"zeros\":\(detail.histogram.zeroCount)"
    text += ",\"exponent\":\(detail.histogram.firstExponent),\"counts\":["
    list(detail.histogram.counts) { $0.append($1) }
    text += "],\"slice\":["
    list(detail.heatmap.slice) { $0.append($1) }
    text += "],\"rows\":\(detail.heatmap.rowCount),\"columns\":\(detail.heatmap.columnCount)"
    text += ",\"cells\":["
    list(detail.heatmap.cells) { data, row in
      data.text += "["
      data.list(row) { $0.append($1, digits: 3) }
      data.text += "]"
    }
    text += "]}"
  }

  // MARK: - JSON

  private mutating func column<Element>(
    _ name: String, _ elements: [Element], _ separator: String = "",
    _ write: (inout HTMLData, Element) -> Void
  ) {
    text += "\(separator)\"\(name)\":["
    list(elements, write)
    text += "]"
  }

  private mutating func list<Element>(
    _ elements: [Element], _ write: (inout HTMLData, Element) -> Void
  ) {
    for (position, element) in elements.enumerated() {
      if position > 0 { text += "," }
      write(&self, element)
    }
  }

  /// The place of a text in `strings`; `nil` for none.
  private mutating func position(_ string: String?) -> Int? {
    guard let string else { return nil }
    if let known = positions[string] { return known }
    positions[string] = strings.count
    strings.append(PlainText.line(string, limit: 1000))
    return strings.count - 1
  }

  private mutating func append(_ value: Int?) { text += value.map(String.init) ?? "null" }

  private mutating func append(_ value: Double?, digits: Int = 4) {
    guard let value else { return text += "null" }
    if !value.isFinite {
      text += value.isNaN ? "\"nan\"" : value < 0 ? "\"-inf\"" : "\"inf\""
    } else if let integer = Int(exactly: value), integer.magnitude < 1 << 53 {
      text += String(integer)
    } else {
      text += MarkdownText.format(value, digits: digits)
    }
  }

  /// A string whose `<` cannot end the script element that it stands in.
  private mutating func append(_ string: String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"", "\\": text += "\\\(scalar)"
      case "<", ">", "&", "\u{2028}", "\u{2029}", "\u{0}"..."\u{1F}", "\u{7F}":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
