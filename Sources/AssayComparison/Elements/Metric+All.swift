import AssayTensors

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension Metric {
  /// All figures, in the order in which they are shown.
  package static let all: [Metric] =
    [
      elements, mismatched, mismatchedShare, maxAbs, maxRel, maxAbsMismatched, maxRelMismatched,
      meanAbs, rmse, relativeL2, worstRow, relativeLinf, cosine, sglRel, snrDecibels, maxULP,
      nonFiniteDiffering, finitePairs, minimumRtol, minimumAtol,
    ] + quantiles + [positions, undefined, top1] + topK + [meanKL, maxKL]
    + [l2Ratio, linfRatio, sigmaRatio, bhattacharyya] + values(.actual) + values(.expected)

  /// Those that a rule can bound.
  package static let bounded = all.filter { $0.better != nil }
  /// Those of logits.
  package static let ofLogits = all.filter { $0.place == .logits }
  /// Those that are shown where there is room for a few.
  package static let main = all.filter(\.isMain)

  /// The figure of a name that a rule can bound.
  init?(named name: String) {
    guard let found = Metric.bounded.first(where: { $0.name == name }) else { return nil }
    self = found
  }
}

// MARK: - Counts

extension Metric {
  package static let elements = Metric(
    name: "elements", meaning: "elements compared", format: .count,
    source: .difference { Reading(count: $0.elementCount) })

  package static let mismatched = Metric(
    name: "mismatched", meaning: "elements outside the tolerance", format: .count,
    companion: .index("first_mismatch_index"), isMain: true,
    source: .difference {
      Reading(count: $0.mismatchedCount, of: $0.elementCount, first: $0.firstMismatchIndex)
    })

  /// The share of elements that are not equal.
  package static let mismatchedShare = Metric(
    name: "mismatched_share", meaning: "the share of elements outside the tolerance",
    better: .small, format: .share, source: .difference { Reading($0.mismatchedShare) },
    isWhole: { $0.elementCount > 0 })

  package static let nonFiniteDiffering = Metric(
    name: "non_finite_differing",
    meaning: "positions not finite on one side only, or differently", format: .count,
    companion: .index("first_non_finite_index"),
    source: .difference {
      Reading(count: $0.nonFiniteDifferenceCount, first: $0.firstNonFiniteDifferenceIndex)
    })

  static let finitePairs = Metric(
    name: "finite_pairs", meaning: "pairs in which both elements are finite", format: .count,
    source: .difference { Reading(count: $0.finitePairCount) })
}

// MARK: - Single elements

extension Metric {
  /// The largest `|d|`.
  package static let maxAbs = Metric(
    name: "max_abs", meaning: "the largest |d|", better: .small, companion: .elements, isMain: true,
    source: .difference { $0.maxAbs.map { Reading($0) } })

  /// The largest `|d| / |expected|`.
  package static let maxRel = Metric(
    name: "max_rel", meaning: "the largest |d| / |expected|", better: .small,
    companion: .elements, isMain: true, source: .difference { $0.maxRel.map { Reading($0) } })

  package static let maxAbsMismatched = Metric(
    name: "max_abs_mismatched", meaning: "the largest |d| among mismatched pairs",
    companion: .elements, source: .difference { $0.maxAbsMismatched.map { Reading($0) } })

  package static let maxRelMismatched = Metric(
    name: "max_rel_mismatched", meaning: "the largest |d| / |expected| among mismatched pairs",
    companion: .elements, source: .difference { $0.maxRelMismatched.map { Reading($0) } })

  /// The largest distance in representable values.
  package static let maxULP = Metric(
    name: "max_ulp", meaning: "the largest distance in representable values", better: .small,
    format: .count, companion: .index("max_ulp_index"),
    source: .difference { $0.maxULP.map { Reading($0) } })

  package static let minimumRtol = Metric(
    name: "min_rtol", meaning: "the smallest rtol that passes at the given atol", format: .bound,
    source: .difference { Reading($0.minimumRtol) })

  package static let minimumAtol = Metric(
    name: "min_atol", meaning: "the smallest atol that passes at the given rtol", format: .bound,
    source: .difference { Reading($0.minimumAtol) })

  /// The quantiles of `|d|`, of tensors that get the figures that cost a second pass.
  package static let quantiles = [("p50", "50"), ("p90", "90"), ("p99", "99"), ("p999", "99.9")]
    .enumerated().map { position, quantile in
      Metric(
        name: quantile.0, meaning: "the |d| that \(quantile.1) % of the finite pairs do not exceed",
        place: .detail,
        source: .detail {
          $0.quantiles.indices.contains(position) ? $0.quantiles[position] : nil
        })
    }
}

// MARK: - All pairs

extension Metric {
  /// The mean of `|d|`.
  package static let meanAbs = Metric(
    name: "mean_abs", meaning: "the mean of |d|", better: .small,
    source: .difference { $0.meanAbs.map { Reading($0) } })

  /// The root of the mean of `d^2`.
  package static let rmse = Metric(
    name: "rmse", meaning: "the root of the mean of d squared", better: .small,
    source: .difference { $0.rmse.map { Reading($0) } }, estimate: { $0.rmse })

  /// `norm(d) / norm(expected)`.
  package static let relativeL2 = Metric(
    name: "rel_l2", meaning: "norm(d) / norm(expected)", better: .small, isMain: true,
    source: .difference { $0.relativeL2.map { Reading($0) } }, estimate: { $0.relativeL2 })

  /// The relative L2 error of the worst row.
  package static let worstRow = Metric(
    name: "worst_row", meaning: "rel_l2 of the worst row, all axes but the last being rows",
    better: .small, companion: .index("worst_row_index"), isMain: true,
    source: .difference { $0.worstRow.map { Reading($0) } })

  /// `max |d| / max |expected|`.
  package static let relativeLinf = Metric(
    name: "rel_linf", meaning: "max |d| / max |expected|", better: .small,
    source: .difference { $0.relativeLinf.map { Reading($0) } })

  /// The cosine of the angle between the two.
  package static let cosine = Metric(
    name: "cosine", meaning: "the cosine of the angle between the two", better: .large,
    format: .real(digits: 9), isMain: true,
    source: .difference { $0.cosine.map { Reading($0) } }, estimate: { $0.cosine })

  /// `1 - 2 <actual, expected> / (norm(actual)^2 + norm(expected)^2)`.
  package static let sglRel = Metric(
    name: "sgl_rel",
    meaning: "0 for equal tensors, 1 for unrelated ones: 1 - 2 (actual, expected) / "
      + "(norm(actual)^2 + norm(expected)^2), as SGLang compares its dumps",
    better: .small, source: .difference { $0.sglRel.map { Reading($0) } },
    estimate: { estimate in
      let (a, e) = (estimate.actualStatistics.l2, estimate.expectedStatistics.l2)
      return estimate.norm.map { norm in
        func sglRel(_ error: Double) -> Double {
          let size = max(a, e)
          if size == 0 { return 0 }
          let (x, y, z) = (error / size, a / size, e / size)
          return x * x / (y * y + z * z)
        }
        return DigestEstimate.Figure(
          value: sglRel(norm.value), lower: sglRel(norm.lower), upper: sglRel(norm.upper))
      }
    })

  /// The signal-to-noise ratio in decibels.
  package static let snrDecibels = Metric(
    name: "snr_db", meaning: "the signal-to-noise ratio in decibels", unit: "dB", better: .large,
    source: .difference { $0.snrDecibels.map { Reading($0) } },
    estimate: {
      $0.relativeL2.map { error in
        func decibels(_ error: Double) -> Double {
          error == 0 ? .infinity : 0 - 20 * log10(error)
        }
        return DigestEstimate.Figure(
          value: decibels(error.value), lower: decibels(error.upper),
          upper: decibels(error.lower))
      }
    })
}

// MARK: - Logits

extension Metric {
  /// Whether logits tell of every position.
  private static let isDefined: @Sendable (Difference) -> Bool = { difference in
    difference.logits.map { $0.positionCount > 0 && $0.undefinedCount == 0 } ?? false
  }

  package static let positions = Metric(
    name: "positions", meaning: "rows of logits compared", format: .count, place: .logits,
    source: .difference { $0.logits.map { Reading(count: $0.positionCount) } })

  static let undefined = Metric(
    name: "undefined", meaning: "rows left out since a logit is NaN or +inf", format: .count,
    place: .logits, source: .difference { $0.logits.map { Reading(count: $0.undefinedCount) } })

  /// The share of a logits' positions whose greedy tokens are the same.
  package static let top1 = Metric(
    name: "top_1", meaning: "the share of positions whose greedy tokens are the same",
    better: .large, format: .share, place: .logits,
    source: .difference { $0.logits.map { Reading($0.greedyAgreement) } }, isWhole: isDefined)

  /// The shares of the likeliest tokens that agree.
  package static let topK = LogitsDifference.tokenCounts.map { count in
    Metric(
      name: "top_\(count)",
      meaning: "the share of the \(count) likeliest expected tokens that are among the actual ones",
      format: .share, place: .logits,
      source: .difference { $0.logits?.topKAgreement[count].map { Reading($0) } })
  }

  package static let meanKL = Metric(
    name: "mean_kl",
    meaning: "the mean Kullback-Leibler divergence from the expected distribution", unit: "nats",
    place: .logits, source: .difference { $0.logits.map { Reading($0.meanDivergence) } })

  /// The largest Kullback-Leibler divergence of a position of logits, in nats.
  package static let maxKL = Metric(
    name: "max_kl", meaning: "the largest Kullback-Leibler divergence of a position",
    unit: "nats", better: .small, place: .logits,
    source: .difference {
      $0.logits?.worst.map { Reading(.init(value: $0.divergence, row: $0.row)) }
    }, isWhole: isDefined)
}

// MARK: - Noise floor

extension Metric {
  /// The norm of the error over that of the noise floor's.
  package static let l2Ratio = Metric(
    name: "l2_ratio", meaning: "the error's norm over that of the noise floor's", better: .small,
    place: .floor, source: .difference { $0.floor.map { Reading($0.l2Ratio) } })

  /// The largest error over that of the noise floor.
  package static let linfRatio = Metric(
    name: "linf_ratio", meaning: "the largest error over that of the noise floor", better: .small,
    place: .floor, source: .difference { $0.floor.map { Reading($0.linfRatio) } })

  /// The standard deviation of the error over that of the noise floor's.
  package static let sigmaRatio = Metric(
    name: "sigma_ratio", meaning: "the error's standard deviation over that of the noise floor's",
    better: .small, place: .floor, source: .difference { $0.floor.map { Reading($0.sigmaRatio) } })

  /// How much the distributions of the error and of the noise floor's overlap.
  ///
  /// Equal bytes do not tell it: it is the floor's error that counts then.
  package static let bhattacharyya = Metric(
    name: "bhattacharyya", meaning: "how much the distributions of both errors overlap, 0 to 1",
    better: .large, format: .real(digits: 5), place: .floor,
    source: .difference { $0.floor.map { Reading($0.bhattacharyya) } }, estimate: { _ in nil })
}

// MARK: - The values of one side

extension Metric {
  private static func values(_ side: Place) -> [Metric] {
    func real(_ read: @escaping @Sendable (TensorStatistics) -> Double?) -> Source {
      .values { read($0).map { Reading($0) } }
    }
    return [
      Metric(name: "min", meaning: "the smallest finite element", source: real { $0.min }),
      Metric(name: "max", meaning: "the largest finite element", source: real { $0.max }),
      Metric(name: "mean", meaning: "the mean of the finite elements", source: real { $0.mean }),
      Metric(
        name: "std", meaning: "the standard deviation of the finite elements",
        source: real { $0.standardDeviation }),
      Metric(
        name: "l2", meaning: "the Euclidean norm of the finite elements", source: real { $0.l2 }),
      Metric(
        name: "nan", meaning: "NaN elements", format: .count,
        source: .values { Reading(count: $0.nanCount) }),
      Metric(
        name: "inf", meaning: "infinite elements", format: .count,
        source: .values { Reading(count: $0.infCount) }),
    ].map { metric in
      var metric = metric
      metric.place = side
      return metric
    }
  }
}
