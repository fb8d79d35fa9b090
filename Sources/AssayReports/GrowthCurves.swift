import AssayComparison
import AssayTensors
import Foundation

/// The error of each call's outputs along execution order, step by step.
struct GrowthCurves {
  /// One step's calls whose outputs were compared.
  struct Curve {
    var step: Int
    var calls: [ModuleResult]
    var errors: [Double]
    var limits: [Double?]
  }

  /// The steps in which outputs were compared.
  var curves: [Curve]
  /// The curve to look at first: that of the first divergence, else the one with the largest error.
  var main: Int
  /// Where on it the runs part.
  var divergence: Int?
  /// The powers of ten between which the errors and limits lie that have a logarithm.
  var decades: ClosedRange<Int>
  /// Whether values are not finite somewhere on one side only.
  var hasInfinite: Bool

  init(_ comparison: RunComparison) {
    let tolerance = comparison.options.tolerance
    let curves: [Curve] = comparison.steps.compactMap { step in
      let calls = step.modules.filter { $0.outputError != nil }
      guard !calls.isEmpty else { return nil }
      return Curve(
        step: step.index, calls: calls, errors: calls.compactMap(\.outputError),
        limits: calls.map { $0.growthLimit(under: tolerance) })
    }
    self.curves = curves
    let first = comparison.isMatch ? nil : comparison.firstDivergence
    let largest = curves.indices.max {
      (curves[$0].errors.max() ?? 0, $1) < (curves[$1].errors.max() ?? 0, $0)
    }
    let main = curves.firstIndex { $0.step == first?.call.step } ?? largest ?? 0
    self.main = main
    if let first, curves.indices.contains(main), curves[main].step == first.call.step {
      divergence = curves[main].calls.firstIndex { $0.call == first.call }
    }
    let values = curves.flatMap { $0.errors + $0.limits.compactMap { $0 } }
    hasInfinite = values.contains { $0.isInfinite }
    let logarithms = values.filter { $0 > 0 && $0.isFinite }.map(log10)
    let low = Int((logarithms.min() ?? -8).rounded(.down))
    decades = low...max(Int((logarithms.max() ?? 0).rounded(.up)), low + 2)
  }

  /// Of very many values the largest of each of some equal parts, with its position.
  static func thinned(_ values: [Double], room: Int) -> [(position: Int, value: Double)] {
    let parts = min(values.count, room)
    return (0..<parts).map { part in
      let range = part * values.count / parts..<(part + 1) * values.count / parts
      let largest = range.max { (values[$0], $1) < (values[$1], $0) } ?? range.lowerBound
      return (largest, values[largest])
    }
  }
}
