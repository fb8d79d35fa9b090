import AssayRuns
package import AssayTensors

/// What the digests of two tensors tell of their difference d.
package struct DigestEstimate: Sendable, Equatable, Codable {
  /// A figure that is estimated.
  package struct Figure: Sendable, Equatable, Codable {
    /// The estimate.
    package var value: Double
    /// What the figure is at least, at ``DigestEstimate/confidence``.
    package var lower: Double
    /// What the figure is at most, at ``DigestEstimate/confidence``.
    package var upper: Double

    /// Makes a figure.
    package init(value: Double, lower: Double, upper: Double) {
      self.value = value
      self.lower = lower
      self.upper = upper
    }
  }

  /// The probability with which a figure is within its bounds, by the Johnson-Lindenstrauss lemma.
  package static let confidence = 0.99

  /// Whether both have the same bytes, by their hash: then nothing is estimated.
  package var isEqual: Bool
  /// The number of elements of the tensor.
  package var elementCount: Int
  /// `norm(d)`; `nil` where there is no projection of both, or values that are not finite.
  package var norm: Figure?
  /// What `max |d|` is at least, for certain: from minima and maxima, and from the sample.
  package var maxAbsAtLeast: Double?
  /// The figures of the elements that are in the sample; `nil` without one.
  package var sample: Difference?
  /// What the actual tensor's values look like.
  package var actualStatistics: TensorStatistics
  /// What the expected tensor's values look like.
  package var expectedStatistics: TensorStatistics

  /// `norm(d) / norm(expected)`; 0 when both are 0, infinite when only the latter is.
  package var relativeL2: Figure? {
    norm.map { norm in
      func ratio(_ error: Double) -> Double {
        error == 0 ? 0 : error / expectedStatistics.l2
      }
      return Figure(
        value: ratio(norm.value), lower: ratio(norm.lower), upper: ratio(norm.upper))
    }
  }

  /// The root of the mean of `d^2`.
  package var rmse: Figure? {
    norm.map { norm in
      let root = Double(max(elementCount, 1)).squareRoot()
      return Figure(
        value: norm.value / root, lower: norm.lower / root, upper: norm.upper / root)
    }
  }

  /// `<actual, expected> / (norm(actual) norm(expected))`, from the norms of all three.
  package var cosine: Figure? {
    norm.map { norm in
      let (a, e) = (actualStatistics.l2, expectedStatistics.l2)
      func cosine(_ error: Double) -> Double {
        if a == 0 || e == 0 { return a == e ? 1 : 0 }
        // The law of cosines, without the cancellation of squares that are nearly the same.
        let (ratio, gap) = (a / e, error / e)
        let value = 1 - (gap * gap - (ratio - 1) * (ratio - 1)) / ratio / 2
        return min(max(value, -1), 1)
      }
      return Figure(
        value: cosine(norm.value), lower: cosine(norm.upper), upper: cosine(norm.lower))
    }
  }
}
