/// Gathers one side's statistics, element by element (Welford's update for the deviation).
package struct StatisticsAccumulator {
  private var elementCount = 0
  private var nanCount = 0
  private var infCount = 0
  private var finiteCount = 0
  private var min = Double.infinity
  private var max = -Double.infinity
  // The mean times `scale`, and the sum of squared deviations times its square.
  private var mean = 0.0
  private var deviation = 0.0
  private var scale = SquareScale.first
  private var squares = ScaledSquares()

  package init() {}

  package mutating func add(_ value: Double, isNaN: Bool, isFinite: Bool) {
    elementCount += 1
    guard isFinite else {
      if isNaN { nanCount += 1 } else { infCount += 1 }
      return
    }
    finiteCount += 1
    if value < min { min = value }
    if value > max { max = value }
    var scaled = value * scale
    if SquareScale.isExceeded(by: scaled) {
      let next = SquareScale.fitting(value)
      let change = next / scale
      mean *= change
      deviation = deviation * change * change
      scale = next
      scaled = value * next
    }
    let delta = scaled - mean
    mean += delta / Double(finiteCount)
    deviation += delta * (scaled - mean)
    squares.add(value)
  }

  package var statistics: TensorStatistics {
    var statistics = TensorStatistics()
    statistics.elementCount = elementCount
    statistics.nanCount = nanCount
    statistics.infCount = infCount
    guard finiteCount > 0 else { return statistics }
    // Adding zero turns -0 into 0: which of the two comes out must not depend on the order.
    statistics.min = min + 0
    statistics.max = max + 0
    statistics.mean = mean / scale
    statistics.standardDeviation = (deviation / Double(finiteCount)).squareRoot() / scale
    statistics.l2 = squares.root
    return statistics
  }
}
