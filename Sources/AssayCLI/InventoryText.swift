import Assay
import Foundation

/// The text form of `assay inspect`: what is known of the run, then a table of its tensors.
enum InventoryText {
  static func render(_ inventory: Inventory, rows: [Inventory.Row]) -> String {
    var lines = about(inventory)
    if !lines.isEmpty { lines.append("") }
    lines += table(header + rows.map(cells))
    // What was skipped is not there, and may claim any size.
    let bytes = rows.filter { $0.measured != nil }.reduce(0) { $0 + ($1.byteCount ?? 0) }
    lines.append("")
    let unreadable = rows.count { $0.unreadable != nil }
    lines.append(
      "\(rows.count) tensors, \(bytes) bytes"
        + (unreadable == 0 ? "" : "; \(unreadable) cannot be read"))
    return lines.joined(separator: "\n")
  }

  private static func about(_ inventory: Inventory) -> [String] {
    var lines: [String] = []
    for section in ["run", "complete", "provenance", "recipe", "configuration"] {
      guard let value = inventory.about[section] else { continue }
      guard let members = value.members else {
        lines.append("\(section): \(text(value))")
        continue
      }
      lines.append("\(section):")
      for (key, value) in members.sorted(by: { $0.key < $1.key }) {
        let approvals = key == "approvals" ? history(value) : nil
        lines += approvals ?? ["  \(key): \(text(value))"]
      }
    }
    return lines
  }

  /// Who approved what and why, one line each.
  private static func history(_ value: JSONValue) -> [String]? {
    guard let approvals = try? [Approval](json: value) else { return nil }
    // Quoted as JSON is, so that no character of another's text moves the cursor.
    func quoted(_ string: String) -> String { text(.array([.string(string)])).withoutEnds }
    func plain(_ string: String) -> String { quoted(string).withoutEnds }
    return ["  approvals:"]
      + approvals.map { approval in
        "    \(plain(approval.date)) \(quoted(approval.by)): "
          + "\(approval.from.map(plain) ?? "nothing") -> \(plain(approval.to))"
          + (approval.reason.map { ", \(quoted($0))" } ?? "")
      }
  }

  private static func text(_ value: JSONValue) -> String {
    value.text ?? String(decoding: value.encoded(), as: UTF8.self)
  }

  private static let header = [
    [
      "step", "module", "call", "slot", "device", "dtype", "shape", "min", "max", "mean", "std",
      "l2", "nan", "inf", "sha256",
    ]
  ]

  private static func cells(_ row: Inventory.Row) -> [String] {
    let name = [
      row.key.step.map(String.init) ?? "-", row.key.module ?? "-",
      row.key.call.map(String.init) ?? "-", row.key.slot.isEmpty ? "-" : row.key.slot,
      row.key.device?.name ?? "-", row.dtype?.rawValue ?? "-",
      row.shape?.description.replacing(", ", with: ",") ?? "-",
    ]
    if let reason = row.notRecorded { return name + ["not recorded: \(reason)"] }
    if let reason = row.unreadable { return name + ["unreadable: \(reason)"] }
    guard let (statistics, sha256) = row.measured else {
      return name + ["skipped: \(row.skipped ?? "")"]
    }
    let numbers = [
      statistics.min, statistics.max, statistics.mean, statistics.standardDeviation, statistics.l2,
    ].map { $0.map { String(format: "%.6g", $0) } ?? "-" }
    return name + numbers
      + [
        String(statistics.nanCount), String(statistics.infCount),
        String(sha256.prefix(16)) + (row.digest == nil ? "" : "  \(row.skipped ?? "")"),
      ]
  }

  /// Pads every column but the last to its widest cell.
  private static func table(_ rows: [[String]]) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.compactMap { $0.count > column + 1 ? $0[column].count : nil }.max() ?? 0
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        column == row.count - 1
          ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
      }.joined(separator: "  ")
    }
  }
}

extension String {
  fileprivate var withoutEnds: String { String(dropFirst().dropLast()) }
}
