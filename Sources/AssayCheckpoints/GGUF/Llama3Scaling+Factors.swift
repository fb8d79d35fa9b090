import Foundation

extension Llama3Scaling {
  /// Finds the parameters that give factors by which llama.cpp's converter has frequencies divided.
  ///
  /// Only ratios matter to the rule, so that the low factor can be taken to be 1, as in all of
  /// Llama 3. What else is found is checked against every factor.
  ///
  /// - Parameters:
  ///   - factors: One for each pair of elements, from the highest frequency to the lowest.
  ///   - base: The base of the frequencies.
  ///   - originalMaximumPositions: What a file says of it besides.
  /// - Returns: `nil` where no parameters give these factors.
  static func fitted(
    to factors: [Double], base: Double, originalMaximumPositions known: Int? = nil
  ) -> Self? {
    guard let last = factors.last, last > 1, last.isFinite else { return nil }
    let factor = Double("\(Float(last))") ?? last
    // The turns per position.
    let turns = factors.indices.map {
      pow(base, -Double($0) / Double(factors.count)) / (2 * .pi)
    }
    /// The blended factors with the weight of the frequency as it was, which is linear in the turns.
    let blended = zip(turns, factors).filter { $1 > 1.0001 && $1 < factor * 0.9999 }.map {
      (turns: $0, weight: (1 / $1 - 1 / factor) / (1 - 1 / factor))
    }
    var candidates: [(high: Double, positions: Double)] = [(4, Double(known ?? 8192)), (4, 8192)]
    if let first = blended.first, let last = blended.last {
      candidates.append((4, (3 * first.weight + 1) / first.turns))
      let slope = (first.weight - last.weight) / (first.turns - last.turns)
      let offset = slope * first.turns - first.weight
      if blended.count > 1, offset > 0 { candidates.append((1 + 1 / offset, slope / offset)) }
    } else {
      // No frequency is near the border, which powers of two then tell as well as any number.
      candidates += (4...24).map { (4, Double(1 << $0)) }
    }
    for (high, positions) in candidates
    where high > 1 && high < 1000 && positions.rounded() >= 1 && positions < 0x1p28 {
      let scaling = Self(
        factor: factor, lowFrequencyFactor: 1, highFrequencyFactor: (high * 1000).rounded() / 1000,
        originalMaximumPositions: Int(positions.rounded()))
      if zip(turns, factors).allSatisfy({ abs(scaling.factor(turns: $0) / $1 - 1) < 1e-5 }) {
        return scaling
      }
    }
    return nil
  }

  /// By what the rule divides a frequency.
  private func factor(turns: Double) -> Double {
    let weight =
      (Double(originalMaximumPositions) * turns - lowFrequencyFactor)
      / (highFrequencyFactor - lowFrequencyFactor)
    return 1 / ((1 - min(max(weight, 0), 1)) / factor + min(max(weight, 0), 1))
  }
}
