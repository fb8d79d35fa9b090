import Foundation

/// A curve of errors in a line of text, on a logarithmic scale.
enum Sparkline {
  private static let levels = Array("▁▂▃▄▅▆▇█")

  /// Draws errors: `·` for equality, `∞` for values that are not finite.
  ///
  /// - Parameters:
  ///   - errors: None of them negative.
  ///   - width: The most characters; of more errors each shows the largest of its part.
  ///   - low: The error that the lowest bar stands for.
  ///   - high: The error that the highest bar stands for.
  static func text(_ errors: [Double], width: Int, low: Double, high: Double) -> String {
    String(
      GrowthCurves.thinned(errors, room: width).map { _, error in
        if error == 0 { return "·" }
        guard error.isFinite else { return "∞" }
        guard low > 0, high > low else { return levels[levels.count - 1] }
        let share = log(error / low) / log(high / low)
        return levels[min(max(Int((share * Double(levels.count)).rounded(.down)), 0), 7)]
      })
  }
}
