package import AssayTensors
import Foundation

extension LogitsDifference {
  /// Compares two tensors of logits, row by row in float64.
  ///
  /// The divergence is `sum p (log p - log q)` with p and q the softmax of the expected and of the
  /// actual row (Kullback and Leibler, 1951).
  ///
  /// - Parameters:
  ///   - actual: Logits of any shape whose last axis is the vocabulary.
  ///   - expected: The reference, of the same shape.
  /// - Returns: `nil` for tensors that hold no logits: of different shapes, without axes, of a
  ///   vocabulary of less than 2 tokens, empty, or of a dtype without fractions.
  /// - Complexity: O(elements); memory for one row of each.
  package init?(actual: Tensor, expected: Tensor) {
    let shape = expected.shape
    guard actual.shape == shape, let vocabulary = shape.dimensions.last, vocabulary >= 2,
      shape.elementCount > 0,
      [actual, expected].allSatisfy({ $0.dtype.isFloatingPoint && $0.dtype.packedCount == 1 })
    else { return nil }
    let rowCount = shape.elementCount / vocabulary
    let counts = LogitsDifference.tokenCounts.filter { $0 <= vocabulary }
    var agreements = [Int](repeating: 0, count: counts.count)
    var same = 0
    for row in 0..<rowCount {
      let range = row * vocabulary..<(row + 1) * vocabulary
      let (a, e) = (LogitsRow(actual, range), LogitsRow(expected, range))
      guard let a, let e else {
        undefinedCount += 1
        if row == rowCount - 1 { last = nil }
        continue
      }
      let position = Position(
        row: row, expectedToken: e.greedyToken, actualToken: a.greedyToken,
        rank: a.rank(of: e.greedyToken), divergence: e.divergence(of: a))
      positionCount += 1
      meanDivergence += position.divergence
      if position.divergence > worst?.divergence ?? -1 { worst = position }
      if a.greedyToken == e.greedyToken {
        same += 1
      } else {
        firstOtherToken = firstOtherToken ?? position
      }
      for (index, count) in counts.enumerated() {
        agreements[index] += a.largest(count).intersection(e.largest(count)).count
      }
      last = position
    }
    guard positionCount > 0 else { return }
    let positions = Double(positionCount)
    greedyAgreement = Double(same) / positions
    meanDivergence /= positions
    for (count, agreement) in zip(counts, agreements) {
      topKAgreement[count] = Double(agreement) / (positions * Double(count))
    }
  }
}

/// The logits of one position.
private struct LogitsRow {
  private let values: [Double]
  /// The token with the largest logit.
  let greedyToken: Int
  /// The logarithm of the sum of the exponentials.
  private let logSum: Double

  /// - Returns: `nil` where no distribution is defined: a NaN, +inf, or nothing but -inf.
  init?(_ tensor: Tensor, _ range: Range<Int>) {
    values = [Double](unsafeUninitializedCapacity: range.count) { buffer, count in
      count = range.count
      tensor.convert(range, into: buffer)
    }
    var largest = 0
    for (token, value) in values.enumerated() {
      guard value < .infinity else { return nil }
      if value > values[largest] { largest = token }
    }
    let top = values[largest]
    guard top > -.infinity else { return nil }
    greedyToken = largest
    logSum = top + log(values.reduce(0) { $0 + exp($1 - top) })
  }

  func rank(of token: Int) -> Int {
    let own = values[token]
    var larger = 0
    for (other, value) in values.enumerated()
    where value > own || (value == own && other < token) {
      larger += 1
    }
    return larger + 1
  }

  func divergence(of other: LogitsRow) -> Double {
    var sum = 0.0
    for (own, theirs) in zip(values, other.values) where own > -.infinity {
      let logP = own - logSum
      sum += exp(logP) * (logP - (theirs - other.logSum))
    }
    // Rounding can leave less than nothing of two equal distributions.
    return max(sum, 0)
  }

  /// The tokens of the largest logits.
  func largest(_ count: Int) -> Set<Int> {
    // In order, the largest first; a row is long and the list short.
    var tokens: [Int] = []
    for (token, value) in values.enumerated() {
      if tokens.count == count, let lowest = tokens.last, value <= values[lowest] { continue }
      let place = tokens.firstIndex { values[$0] < value } ?? tokens.count
      tokens.insert(token, at: place)
      if tokens.count > count { tokens.removeLast() }
    }
    return Set(tokens)
  }
}
