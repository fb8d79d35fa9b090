import AssayBase
import AssayTensors
import Foundation

extension NoiseFloor {
  /// Tolerance rules under which runs like the measured ones pass, as the text of a YAML file.
  ///
  /// One rule stands for the same module of all layers, since a few runs tell too little of each
  /// alone. Its limits are the largest figures measured times `safety`, and never below what rounding
  /// alone may do to a tensor: `safety` times a quarter of the dtype's epsilon in relative L2, half
  /// of it in the worst row, and one in relative Linf, the last being one unit in the last place of
  /// the largest element. Where all runs have the same NaN or infinite values, the rule says
  /// `equal_non_finite`, and its limits are of the rest. Integers and booleans must be equal.
  ///
  /// - Parameter safety: By how much more than was measured a run may differ; at least 1.
  /// - Throws: ``ComparisonError/cannotCalibrate(reason:)`` for a factor below 1 or not finite, and
  ///   where a module's error has no finite figure.
  package func rules(safety: Double) throws(ComparisonError) -> String {
    guard safety >= 1, safety.isFinite else {
      throw .cannotCalibrate(reason: "the safety factor is \(safety), but must be at least 1")
    }
    var limits: [Group: Limits] = [:]
    var order: [Group] = []
    var exact: [DType] = []
    for entry in entries {
      guard entry.dtype.isFloatingPoint || entry.dtype.isComplex else {
        if !exact.contains(entry.dtype) { exact.append(entry.dtype) }
        continue
      }
      let group = Group(entry)
      if limits[group] == nil { order.append(group) }
      limits[group, default: Limits(entry)].raise(by: entry)
    }
    var lines = heading(safety)
    for group in order {
      guard let own = limits[group] else { continue }
      // Sides of much the same noise share a rule.
      let others = order.filter { $0.kind == group.kind && $0.dtype == group.dtype }
      let all = others.compactMap { limits[$0] }
      if all.allSatisfy({ $0.isLike(own) }) {
        guard others.first == group else { continue }
        lines += try rule(group, all.reduce(own) { $0.joined($1) }, safety, slot: nil)
      } else {
        lines += try rule(group, own, safety, slot: "^\(group.side.rawValue)")
      }
    }
    for dtype in exact {
      lines += [
        "  - module: '.*'", "    dtype: \(dtype.rawValue)", "    rtol: 0", "    atol: 0",
      ]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Modules of one kind, one of their sides and one dtype.
  private struct Group: Hashable {
    var kind: ModuleKind
    var pattern: ExactName
    var side: Slot.Side
    var dtype: DType

    init(_ entry: Entry) {
      kind = ModuleKind(entry.module)
      pattern = ExactName(ModuleKind.pattern(of: entry.module))
      side = entry.side
      dtype = entry.dtype
    }
  }

  /// The largest figures of a group.
  private struct Limits {
    var figures: [Double]
    var hasNonFinite: Bool
    var module: String

    init(_ entry: Entry) {
      let epsilon = entry.dtype.floatFormat?.epsilon ?? 0
      figures = [epsilon / 4, epsilon / 2, epsilon]
      hasNonFinite = entry.hasNonFinite
      module = entry.module
    }

    mutating func raise(by entry: Entry) {
      let own = [entry.relativeL2, entry.worstRow, entry.relativeLinf]
      figures = zip(figures, own).map { max($0, $1) }
      hasNonFinite = hasNonFinite || entry.hasNonFinite
    }

    func joined(_ other: Limits) -> Limits {
      var both = self
      both.figures = zip(figures, other.figures).map { max($0, $1) }
      both.hasNonFinite = hasNonFinite || other.hasNonFinite
      return both
    }

    func isLike(_ other: Limits) -> Bool {
      zip(figures, other.figures).allSatisfy { $0 <= 2 * $1 && $1 <= 2 * $0 }
    }
  }

  private func heading(_ safety: Double) -> [String] {
    ["# Measured by `assay calibrate`: what these runs differ by, times \(safety.shortText)."]
      + runs.enumerated().map { position, run in
        "#   \(position == 0 ? "reference" : "run \(position)"): \(quoted(run.path)) (\(quoted(run.id)))"
      }
      + [
        "# No limit is below \(safety.shortText) times a quarter (rel_l2), half (worst_row) or all "
          + "(rel_linf) of the dtype's epsilon.",
        "rules:",
      ]
  }

  private func rule(
    _ group: Group, _ limits: Limits, _ safety: Double, slot: String?
  ) throws(ComparisonError) -> [String] {
    var lines = ["  - module: '\(group.pattern.text.replacing("'", with: "''"))'"]
    if let slot { lines.append("    slot: \(slot)") }
    lines.append("    dtype: \(group.dtype.rawValue)")
    if limits.hasNonFinite { lines.append("    equal_non_finite: true") }
    let names = [Metric.relativeL2, .worstRow, .relativeLinf]
    let bounds = zip(names, limits.figures).filter { $0.1.isFinite }.map { name, figure in
      "\(name) <= \((figure * safety).roundedUp)"
    }
    guard !bounds.isEmpty else {
      throw .cannotCalibrate(
        reason:
          "the error of \(limits.module) has no finite figure: its values are 0 in one run and "
          + "not in another")
    }
    return lines + ["    bound: \(bounds.joined(separator: " and "))"]
  }

  private func quoted(_ text: String) -> String {
    String(
      text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : Character($0) })
  }
}

extension Double {
  /// Two digits, rounded up: a limit must not fall below what it was made of.
  fileprivate var roundedUp: String {
    guard self > 0 else { return "0" }
    let parts = String(format: "%.1e", self).split(separator: "e")
    guard let digits = Double(parts[0]), let exponent = Int(parts[1]) else { return shortText }
    let nearest = Double("\(digits)e\(exponent)") ?? self
    let text =
      nearest < self ? String(format: "%.1fe%d", digits + 0.1, exponent) : "\(digits)e\(exponent)"
    return (Double(text) ?? self).shortText
  }
}
