import AssayComparison
import AssayTensors

extension MarkdownWriter {
  /// What became of the rows, and how the error of the first differing tensor goes over positions.
  var rows: String {
    guard let rows = comparison.rows else { return "" }
    let table = MarkdownText.table(
      ["rows", "actual", "expected"],
      [
        ["compared", "\(rows.compared)", "\(rows.compared)"],
        [
          "not computed by the other run", "\(rows.notComputedInExpected)",
          "\(rows.notComputedInActual)",
        ],
        ["computed again", "\(rows.againInActual)", "\(rows.againInExpected)"],
        ["padding", "\(rows.paddingInActual)", "\(rows.paddingInExpected)"],
      ])
    var text = "## Rows\n\n" + table
    let first = comparison.firstFailingRows ?? comparison.firstDifferingRows
    if let first, !first.errors.isEmpty {
      let finite = first.errors.flatMap { $0.errors }.filter { $0 > 0 && $0.isFinite }
      let (low, high) = (finite.min() ?? 0, finite.max() ?? 0)
      text +=
        "\nThe relative L2 error of each row of \(MarkdownText.code(first.slot.rawValue)) of "
        + "\(name(first.call)), over positions:\n\n"
      text += MarkdownText.table(
        ["request", "positions", "error", "largest", "at position"],
        first.errors.prefix(Self.requestLimit).map { request in
          let worst = request.errors.indices.max { request.errors[$0] < request.errors[$1] } ?? 0
          return [
            comparison.requestName(request.request),
            "\(request.positions.first ?? 0) to \(request.positions.last ?? 0)",
            Sparkline.text(request.errors, width: 40, low: low, high: high),
            MarkdownText.number(request.errors[worst]), "\(request.positions[worst])",
          ]
        })
      if first.errors.count > Self.requestLimit {
        text += "\n\(first.errors.count - Self.requestLimit) more requests are not shown.\n"
      }
    }
    return text
  }

  /// How many requests the table of errors shows.
  private static let requestLimit = 16
}

extension RunComparison {
  /// How many rows one run computed and the other never did; `nil` where there are none.
  var lackingRowsText: String? {
    guard let rows else { return nil }
    let parts = [
      (rows.notComputedInActual, "actual"), (rows.notComputedInExpected, "expected"),
    ].filter { $0.0 > 0 }.map {
      "\(MarkdownText.count($0.0, "row")) not computed by the \($0.1) run"
    }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }
}
