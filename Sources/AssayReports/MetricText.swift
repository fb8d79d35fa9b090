import AssayComparison
import AssayTensors

extension Metric {
  /// A value of this figure with its unit; an en dash for none.
  func text(_ value: Double?) -> String {
    guard let value else { return "–" }
    let number =
      switch format {
      case .real(let digits): MarkdownText.format(value, digits: digits)
      case .bound: MarkdownText.bound(value)
      case .count: Int(exactly: value).map(String.init) ?? MarkdownText.number(value)
      case .share: "\(MarkdownText.number(value * 100)) %"
      }
    return unit.map { "\(number) \($0)" } ?? number
  }

  /// A tensor's figure, short enough for a cell; an en dash for none.
  func cell(_ tensor: TensorResult) -> String {
    guard let reading = reading(of: tensor) else {
      return atLeast(tensor).map { "≥ \(text($0))" } ?? "–"
    }
    return number(reading) + (reading.total.map { " / \($0)" } ?? "")
  }

  /// A tensor's figure with all that belongs to it; `nil` for one that there cannot be.
  func whole(_ tensor: TensorResult) -> String? {
    guard let reading = reading(of: tensor) else {
      if let gap = atLeast(tensor) { return "at least \(text(gap))" }
      if tensor.estimate != nil { return place == .tensor && isEstimable ? "not known" : nil }
      return place == .tensor ? "–" : nil
    }
    return number(reading) + (reading.total.map { " of \($0)" } ?? "")
      + place(reading, in: tensor.valueShape)
      + (reading.extreme.map { extreme in
        ": actual \(MarkdownText.value(extreme.actual, tensor.dtype)), "
          + "expected \(MarkdownText.value(extreme.expected, tensor.dtype))"
      } ?? "")
  }

  private func number(_ reading: Reading) -> String {
    reading.bounds.map(text) ?? reading.count.map(String.init) ?? text(reading.value)
  }

  /// An estimate and its bounds: `≈ 0.012 (0.01 to 0.017)`.
  func text(_ figure: DigestEstimate.Figure) -> String {
    figure.value == figure.lower && figure.value == figure.upper
      ? text(figure.value)
      : "≈ \(text(figure.value)) (\(text(figure.lower)) to \(text(figure.upper)))"
  }

  private func place(_ reading: Reading, in shape: Shape?) -> String {
    switch reading.index {
    case .element(let offset): MarkdownText.index(offset, shape, " at ", "")
    case .first(let offset): MarkdownText.index(offset, shape, ", first at ", "")
    case .row(let row):
      shape.flatMap { $0.rank > 1 ? " at row \($0.index(ofRow: row))" : nil } ?? ""
    case nil: ""
    }
  }

  /// What digests of other bytes tell of the largest difference.
  private func atLeast(_ tensor: TensorResult) -> Double? {
    self == .maxAbs ? tensor.estimate?.maxAbsAtLeast : nil
  }
}

extension Shape {
  /// The index of a row along all axes but the last.
  func index(ofRow row: Int) -> [Int] {
    rank < 2 ? [] : index(ofElement: row * rowLength).dropLast()
  }
}

extension TensorResult {
  /// The few figures that say most, in plain text; `nil` where nothing was compared.
  var figuresText: String? {
    guard isCompared else { return nil }
    let known = Metric.main.filter { $0.cell(self) != "–" }
    return known.map { "\($0.name) \($0.cell(self))" }.joined(separator: ", ")
  }
}
