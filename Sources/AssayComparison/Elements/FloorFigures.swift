import AssayRuns
import AssayTensors

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A candidate's error beside that of a run which is known to be good enough: the noise floor.
///
/// Both are errors from one truth, such as float32, to which for example bfloat16 on a CPU is the
/// floor and another machine's bfloat16 the candidate. A ratio is 0 where the candidate has no error,
/// and infinite where only the floor has none.
package struct FloorFigures: Sendable, Equatable, Codable {
  /// `norm(candidate - truth) / norm(floor - truth)`.
  package var l2Ratio: Double
  /// `max |candidate - truth| / max |floor - truth|`.
  package var linfRatio: Double
  /// The standard deviation of the candidate's error over that of the floor's.
  package var sigmaRatio: Double
  /// How much the distributions of both errors overlap, from 0 to 1, taken as normal:
  /// `sqrt(2 s t / (s^2 + t^2)) exp(-(m - n)^2 / (4 (s^2 + t^2)))` with means m, n and deviations
  /// s, t (Bhattacharyya, 1943); 1 where neither errs, 0 where only one does.
  package var bhattacharyya: Double

  /// Compares two errors from one truth.
  ///
  /// - Parameters:
  ///   - candidate: How the candidate differs from the truth.
  ///   - floor: How the floor differs from the truth.
  package init(candidate: Difference, floor: Difference) {
    func ratio(_ ours: Double, _ theirs: Double) -> Double { ours == 0 ? 0 : ours / theirs }
    let (a, b) = (ErrorMoments(candidate), ErrorMoments(floor))
    l2Ratio = ratio(candidate.rmse ?? 0, floor.rmse ?? 0)
    linfRatio = ratio(candidate.maxAbs?.value ?? 0, floor.maxAbs?.value ?? 0)
    sigmaRatio = ratio(a.deviation, b.deviation)
    let squares = a.deviation * a.deviation + b.deviation * b.deviation
    if squares == 0 {
      bhattacharyya = a.mean == b.mean ? 1 : 0
    } else {
      let shift = a.mean - b.mean
      bhattacharyya =
        (2 * a.deviation * b.deviation / squares).squareRoot()
        * exp(-shift * shift / (4 * squares))
    }
  }
}

/// The mean and the standard deviation of `d`.
private struct ErrorMoments {
  var mean: Double
  var deviation: Double

  init(_ difference: Difference) {
    let squares = (difference.rmse ?? 0) * (difference.rmse ?? 0)
    guard squares > 0, let ours = difference.actualStatistics.mean,
      let theirs = difference.expectedStatistics.mean
    else {
      mean = 0
      deviation = squares.squareRoot()
      return
    }
    // What rounding leaves of equal means must not exceed the error itself.
    mean = max(-squares.squareRoot(), min(squares.squareRoot(), ours - theirs))
    deviation = max(squares - mean * mean, 0).squareRoot()
  }
}
