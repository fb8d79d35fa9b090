import AssayComparison
import AssayRuns
import AssayTensors

/// A figure of a tensor as a column of the page's table, under its name in the JSON report.
struct HTMLMetric: Sendable {
  var key: String
  var label: String
  /// What it means, in plain words without quotes.
  var title: String
  /// Whether it is shown before all figures are asked for.
  var isMain = false
  var digits = 4
  /// Whether what is shown must not be less than what is.
  var roundsUp = false
  var value: @Sendable (Difference) -> Double?

  static let all =
    [
      HTMLMetric(
        key: "mismatched", label: "mismatched", title: "elements outside the tolerance",
        isMain: true
      ) { Double($0.mismatchedCount) },
      HTMLMetric(
        key: "mismatched_share", label: "share", title: "share of elements outside the tolerance"
      ) { $0.mismatchedShare },
      HTMLMetric(
        key: "max_abs", label: "max abs", title: "the largest |d|", isMain: true
      ) { $0.maxAbs?.value },
      HTMLMetric(
        key: "max_rel", label: "max rel", title: "the largest |d| / |expected|", isMain: true
      ) { $0.maxRel?.value },
      HTMLMetric(
        key: "rel_l2", label: "rel L2", title: "norm(d) / norm(expected)"
      ) { $0.relativeL2 },
      HTMLMetric(
        key: "worst_row", label: "worst row", title: "relative L2 of the worst row", isMain: true
      ) { $0.worstRow?.value },
      HTMLMetric(
        key: "cosine", label: "cosine", title: "cosine of the angle between the two", isMain: true,
        digits: 9
      ) { $0.cosine },
      HTMLMetric(
        key: "max_ulp", label: "max ULP", title: "the largest distance in representable values"
      ) { $0.maxULP.map { Double($0.distance) } },
      HTMLMetric(
        key: "min_rtol", label: "min rtol", title: "the smallest rtol that passes", roundsUp: true
      ) { $0.minimumRtol },
      HTMLMetric(
        key: "min_atol", label: "min atol", title: "the smallest atol that passes", roundsUp: true
      ) { $0.minimumAtol },
      HTMLMetric(
        key: "max_abs_mismatched", label: "max abs mismatched",
        title: "the largest |d| among mismatched pairs"
      ) { $0.maxAbsMismatched?.value },
      HTMLMetric(
        key: "max_rel_mismatched", label: "max rel mismatched",
        title: "the largest |d| / |expected| among mismatched pairs"
      ) { $0.maxRelMismatched?.value },
      HTMLMetric(
        key: "mean_abs", label: "mean abs", title: "the mean of |d|"
      ) { $0.meanAbs },
      HTMLMetric(
        key: "rmse", label: "RMSE", title: "the root of the mean of d squared"
      ) { $0.rmse },
      HTMLMetric(
        key: "rel_linf", label: "rel Linf", title: "max |d| / max |expected|"
      ) { $0.relativeLinf },
      HTMLMetric(
        key: "sgl_rel", label: "sgl rel",
        title: "0 for equal tensors, 1 for unrelated ones: 1 - 2 (actual, expected) / "
          + "(norm(actual)^2 + norm(expected)^2), as SGLang compares its dumps"
      ) { $0.sglRel },
      HTMLMetric(
        key: "snr_db", label: "SNR dB", title: "signal-to-noise ratio in decibels"
      ) { $0.snrDecibels },
      HTMLMetric(
        key: "non_finite_differing", label: "NaN/Inf differing",
        title: "positions not finite on one side only, or differently"
      ) { Double($0.nonFiniteDifferenceCount) },
      HTMLMetric(
        key: "elements", label: "elements", title: "elements compared"
      ) { Double($0.elementCount) },
      HTMLMetric(
        key: "finite_pairs", label: "finite pairs",
        title: "pairs in which both elements are finite"
      ) { Double($0.finitePairCount) },
    ] + floor + statistics("actual") { $0.actualStatistics }
    + statistics("expected") { $0.expectedStatistics }

  /// The error beside that of a noise floor; shown only where one was given.
  private static let floor = [
    HTMLMetric(
      key: "floor_l2_ratio", label: "L2 / floor", title: "the L2 error over that of the floor"
    ) { $0.floor?.l2Ratio },
    HTMLMetric(
      key: "floor_linf_ratio", label: "Linf / floor",
      title: "the largest error over that of the floor"
    ) { $0.floor?.linfRatio },
    HTMLMetric(
      key: "floor_sigma_ratio", label: "sigma / floor",
      title: "the error's deviation over that of the floor"
    ) { $0.floor?.sigmaRatio },
    HTMLMetric(
      key: "floor_bhattacharyya", label: "Bhattacharyya",
      title: "how much the distributions of both errors overlap, 0 to 1"
    ) { $0.floor?.bhattacharyya },
  ]

  private static func statistics(
    _ side: String, _ read: @escaping @Sendable (Difference) -> TensorStatistics
  ) -> [HTMLMetric] {
    let figures: [(String, String, @Sendable (TensorStatistics) -> Double?)] = [
      ("min", "smallest finite element", { $0.min }),
      ("max", "largest finite element", { $0.max }),
      ("mean", "mean of the finite elements", { $0.mean }),
      ("std", "standard deviation of the finite elements", { $0.standardDeviation }),
      ("l2", "Euclidean norm of the finite elements", { $0.l2 }),
      ("nan", "NaN elements", { Double($0.nanCount) }),
      ("inf", "infinite elements", { Double($0.infCount) }),
    ]
    return figures.map { name, title, value in
      HTMLMetric(
        key: "\(side)_\(name)", label: "\(side) \(name)", title: "\(title), \(side) side"
      ) { value(read($0)) }
    }
  }
}
