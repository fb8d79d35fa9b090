package import AssayComparison
import AssayRuns
import AssayTensors
import Foundation

extension RunComparison {
  /// The growth of the error along execution order, as an SVG picture that stands for itself and is
  /// readable in light and in dark: UTF-8 text of a bounded size that ends with a newline.
  ///
  /// The scale is logarithmic: the worst row's relative L2 error of each call's outputs. Equality is
  /// at the bottom, under a label 0. The step of the first divergence stands out; of the others at
  /// most 24 are drawn. The dashed line is the relative part of the tolerance.
  package var growthPlot: String { GrowthDrawing(GrowthCurves(self), self).text }

  /// What stands at the mark of a plot: the birthplace of the error, as headlines have it.
  ///
  /// - Parameter call: The first call that shows the error.
  func birthMark(at call: CallKey) -> String {
    birthModule.map {
      "\(PlainText.name($0.call, limit: 50)), before "
        + PlainText.name(call.shortened(within: $0.call), limit: 30)
    } ?? PlainText.name(call, limit: 60)
  }
}

private struct GrowthDrawing {
  private let curves: GrowthCurves
  private let comparison: RunComparison
  private var lines: [String] = []

  private let width = 860.0
  private let height = 320.0
  private let left = 56.0
  private let right = 844.0
  private let bottom = 252.0
  private let floor = 274.0
  private static let otherLimit = 24
  private static let pointLimit = 800

  private var top: Double { curves.hasInfinite ? 70 : 50 }

  init(_ curves: GrowthCurves, _ comparison: RunComparison) {
    self.curves = curves
    self.comparison = comparison
    draw()
  }

  var text: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 320" width="860" height="320" \
    role="img" aria-labelledby="title desc">
    <title id="title">Error along execution order</title>
    <desc id="desc">\(HTMLText.escaped(description))</desc>
    <style>
    svg { --card: #fff; --line: #d5dae0; --text: #1a1f26; --soft: #57606b; --accent: #0b57a4;
      --bad: #b3201a; --warn: #845000; }
    @media (prefers-color-scheme: dark) { svg { --card: #171b20; --line: #323941; --text: #e3e7ec;
      --soft: #9ca6b2; --accent: #7ab7f7; --bad: #ff8b82; --warn: #e0ae5c; } }
    text { font: 11.5px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--soft); }
    .card { fill: var(--card); } .grid { stroke: var(--line); }
    .head { fill: var(--text); font-weight: 600; }
    .curve { fill: none; stroke: var(--soft); }
    .main { fill: none; stroke: var(--accent); stroke-width: 1.8; }
    .limit { fill: none; stroke: var(--warn); stroke-width: 1.4; stroke-dasharray: 6 4; }
    .born { stroke: var(--bad); stroke-dasharray: 2 3; } .dot { fill: var(--bad); }
    .born-text { fill: var(--bad); paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
    .limit-text { fill: var(--warn); }
    </style>
    <rect class="card" width="860" height="320" rx="6"/>
    \(lines.joined(separator: "\n"))
    </svg>

    """
  }

  private var description: String {
    guard curves.curves.indices.contains(curves.main) else { return "No outputs were compared." }
    let curve = curves.curves[curves.main]
    var text =
      "Relative L2 error of the worst row of each call's outputs in step \(curve.step), log scale; "
      + "the largest is \(MarkdownText.number(curve.errors.max()))."
    if let divergence = curves.divergence {
      text += " The first divergence is at \(PlainText.name(curve.calls[divergence].call))"
      text += comparison.birthModule.map { ", born in \(PlainText.name($0.call))." } ?? "."
    }
    return text
  }

  // MARK: - Parts

  private mutating func draw() {
    guard curves.curves.indices.contains(curves.main) else {
      lines.append(label(left, 40, "No outputs were compared.", "head"))
      return
    }
    let curve = curves.curves[curves.main]
    let others = curves.curves.indices.filter { $0 != curves.main }.prefix(Self.otherLimit)
    lines.append(
      label(16, 26, "Relative L2 error of the worst row of each call’s outputs", "head"))
    let steps =
      "step \(curve.step)"
      + (others.isEmpty ? "" : ", thin: \(MarkdownText.count(others.count, "other step"))")
    lines.append(label(right, 26, steps, "", "end"))
    drawGrid()
    let opacity = max(0.8 / Double(max(others.count, 1)).squareRoot(), 0.15)
    lines.append("<g opacity=\"\(String(format: "%.2f", opacity))\">")
    for other in others {
      lines.append(polyline(curves.curves[other].errors, "curve"))
    }
    lines.append("</g>")
    drawLimit(curve)
    lines.append(polyline(curve.errors, "main"))
    drawDivergence(curve)
    let calls = MarkdownText.count(curve.calls.count, "call")
    lines.append(label(left, 304, "\(calls) in execution order"))
  }

  private mutating func drawGrid() {
    func line(_ y: Double, _ name: String) {
      lines.append(
        "<line class=\"grid\" x1=\"\(left)\" x2=\"\(right)\" y1=\"\(fixed(y))\" y2=\"\(fixed(y))\"/>"
      )
      lines.append(label(left - 8, y + 4, name, "", "end"))
    }
    let (low, high) = (curves.decades.lowerBound, curves.decades.upperBound)
    for exponent in stride(from: low, through: high, by: (high - low + 7) / 8) {
      line(y(pow(10, Double(exponent))), "1e\(exponent)")
    }
    line(floor, "0")
    if curves.hasInfinite { line(y(.infinity), "inf") }
  }

  private mutating func drawLimit(_ curve: GrowthCurves.Curve) {
    var path = ""
    var last: Double?
    // Rules may ask something else of every call; beyond some changes nothing could be seen.
    for (position, limit) in curve.limits.enumerated() where limit != last {
      guard let limit, path.utf8.count < 1 << 15 else { continue }
      let (x, y) = (fixed(x(position, curve.limits.count)), fixed(y(limit)))
      path += last == nil ? "M\(x) \(y)" : "H\(x)V\(y)"
      last = limit
    }
    guard last != nil else { return }
    lines.append("<path class=\"limit\" d=\"\(path)H\(right)\"/>")
    let text = comparison.options.tolerance.growthLimitText
    lines.append(label(right, 304, "dashed: \(text)", "limit-text", "end"))
  }

  private mutating func drawDivergence(_ curve: GrowthCurves.Curve) {
    guard let divergence = curves.divergence else { return }
    let x = x(divergence, curve.errors.count)
    lines.append(
      "<line class=\"born\" x1=\"\(fixed(x))\" x2=\"\(fixed(x))\" y1=\"38\" y2=\"\(floor)\"/>")
    lines.append(
      "<circle class=\"dot\" cx=\"\(fixed(x))\" cy=\"\(fixed(y(curve.errors[divergence])))\" r=\"4\"/>"
    )
    let name = comparison.birthMark(at: curve.calls[divergence].call)
    let isRight = x > width / 2
    lines.append(
      label(x + (isRight ? -8 : 8), top + 14, name, "born-text", isRight ? "end" : "start"))
  }

  private func polyline(_ errors: [Double], _ name: String) -> String {
    let points = GrowthCurves.thinned(errors, room: Self.pointLimit).map {
      "\(fixed(x($0.position, errors.count))),\(fixed(y($0.value)))"
    }
    // A line needs two points to be seen.
    return "<polyline class=\"\(name)\" points=\"\(points.joined(separator: " "))"
      + (points.count == 1 ? " \(fixed(right)),\(fixed(y(errors[0])))" : "") + "\"/>"
  }

  private func label(
    _ x: Double, _ y: Double, _ text: String, _ name: String = "", _ anchor: String = "start"
  ) -> String {
    "<text x=\"\(fixed(x))\" y=\"\(fixed(y))\"\(name.isEmpty ? "" : " class=\"\(name)\"")"
      + "\(anchor == "start" ? "" : " text-anchor=\"\(anchor)\"")>\(HTMLText.escaped(text))</text>"
  }

  // MARK: - Places

  private func x(_ position: Int, _ count: Int) -> Double {
    count < 2 ? left : left + Double(position) * (right - left) / Double(count - 1)
  }

  private func y(_ error: Double) -> Double {
    if error.isInfinite { return 50 }
    guard error > 0 else { return floor }
    let share =
      (log10(error) - Double(curves.decades.lowerBound)) / Double(curves.decades.count - 1)
    return bottom - share * (bottom - top)
  }

  private func fixed(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }
}
