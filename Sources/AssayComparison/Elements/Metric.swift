/// A figure of a whole tensor, by its name in the JSON report.
public enum Metric: String, CaseIterable, Sendable, Hashable {
  /// The largest `|d|`.
  case maxAbs = "max_abs"
  /// The largest `|d| / |expected|`.
  case maxRel = "max_rel"
  /// The mean of `|d|`.
  case meanAbs = "mean_abs"
  /// The root of the mean of `d^2`.
  case rmse
  /// `norm(d) / norm(expected)`.
  case relativeL2 = "rel_l2"
  /// The relative L2 error of the worst row.
  case worstRow = "worst_row"
  /// `max |d| / max |expected|`.
  case relativeLinf = "rel_linf"
  /// The cosine of the angle between the two.
  case cosine
  /// `1 - 2 <actual, expected> / (norm(actual)^2 + norm(expected)^2)`.
  case sglRel = "sgl_rel"
  /// The signal-to-noise ratio in decibels.
  case snrDecibels = "snr_db"
  /// The largest distance in representable values.
  case maxULP = "max_ulp"
  /// The largest Kullback-Leibler divergence of a position of logits, in nats.
  case maxKL = "max_kl"
  /// The share of a logits' positions whose greedy tokens are the same.
  case top1 = "top_1"
  /// The norm of the error over that of the noise floor's.
  case l2Ratio = "l2_ratio"
  /// The largest error over that of the noise floor.
  case linfRatio = "linf_ratio"
  /// The standard deviation of the error over that of the noise floor's.
  case sigmaRatio = "sigma_ratio"
  /// How much the distributions of the error and of the noise floor's overlap.
  case bhattacharyya
  /// The share of elements that are not equal.
  case mismatchedShare = "mismatched_share"

  /// Whether more of it is better.
  public var isBetterLarge: Bool {
    switch self {
    case .cosine, .snrDecibels, .top1, .bhattacharyya: true
    default: false
    }
  }

  /// Its value; `nil` where there is none, for example without a finite pair.
  public func value(of difference: Difference) -> Double? {
    switch self {
    case .maxAbs: difference.maxAbs?.value
    case .maxRel: difference.maxRel?.value
    case .meanAbs: difference.meanAbs
    case .rmse: difference.rmse
    case .relativeL2: difference.relativeL2
    case .worstRow: difference.worstRow?.value
    case .relativeLinf: difference.relativeLinf
    case .cosine: difference.cosine
    case .sglRel: difference.sglRel
    case .snrDecibels: difference.snrDecibels
    case .maxULP: difference.maxULP.map { Double($0.distance) }
    case .maxKL: difference.definedLogits?.worst?.divergence
    case .top1: difference.definedLogits?.greedyAgreement
    case .l2Ratio: difference.floor?.l2Ratio
    case .linfRatio: difference.floor?.linfRatio
    case .sigmaRatio: difference.floor?.sigmaRatio
    case .bhattacharyya: difference.floor?.bhattacharyya
    case .mismatchedShare: difference.elementCount == 0 ? nil : difference.mismatchedShare
    }
  }
}

extension Difference {
  /// The logits' figures, where they tell of every position.
  fileprivate var definedLogits: LogitsDifference? {
    logits.flatMap { $0.positionCount > 0 && $0.undefinedCount == 0 ? $0 : nil }
  }
}
