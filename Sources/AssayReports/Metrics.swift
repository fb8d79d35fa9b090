import AssayBase
import AssayComparison
import AssayRuns
import AssayTensors

/// Every figure of a difference under its name in JSON.
///
/// Where a figure belongs to an element, `<name>_index` is its index along every axis; a worst row's
/// index leaves out the last axis. Figures that do not exist, such as a maximum over no finite pair,
/// are `null`.
enum Metrics {
  static func json(_ difference: Difference, shape: Shape, detail: TensorDetail?)
    -> [String: JSONValue]
  {
    var members: [String: JSONValue] = [
      "elements": .integer(Int64(difference.elementCount)),
      "mismatched": .integer(Int64(difference.mismatchedCount)),
      "mismatched_share": JSONValue(real: difference.mismatchedShare),
      "first_mismatch_index": index(difference.firstMismatchIndex, shape),
      "finite_pairs": .integer(Int64(difference.finitePairCount)),
      "mean_abs": real(difference.meanAbs),
      "rmse": real(difference.rmse),
      "rel_l2": real(difference.relativeL2),
      "worst_row": real(difference.worstRow?.value),
      "worst_row_index": rowIndex(difference.worstRow?.row, shape),
      "rel_linf": real(difference.relativeLinf),
      "cosine": real(difference.cosine),
      "sgl_rel": real(difference.sglRel),
      "snr_db": real(difference.snrDecibels),
      "max_ulp": difference.maxULP.map { unsigned($0.distance) } ?? .null,
      "max_ulp_index": index(difference.maxULP?.index, shape),
      "non_finite_differing": .integer(Int64(difference.nonFiniteDifferenceCount)),
      "first_non_finite_index": index(difference.firstNonFiniteDifferenceIndex, shape),
      "min_rtol": JSONValue(real: difference.minimumRtol),
      "min_atol": JSONValue(real: difference.minimumAtol),
      "actual": json(difference.actualStatistics),
      "expected": json(difference.expectedStatistics),
    ]
    for (name, extreme) in [
      ("max_abs", difference.maxAbs), ("max_rel", difference.maxRel),
      ("max_abs_mismatched", difference.maxAbsMismatched),
      ("max_rel_mismatched", difference.maxRelMismatched),
    ] {
      members[name] = real(extreme?.value)
      members[name + "_index"] = index(extreme?.index, shape)
      members[name + "_actual"] = real(extreme?.actual)
      members[name + "_expected"] = real(extreme?.expected)
    }
    guard let detail else { return members }
    for (name, value) in zip(quantileNames, detail.quantiles) { members[name] = real(value) }
    members["histogram"] = .object([
      "zeros": .integer(Int64(detail.histogram.zeroCount)),
      "first_exponent": .integer(Int64(detail.histogram.firstExponent)),
      "counts": integers(detail.histogram.counts),
    ])
    return members
  }

  /// What digests tell, in an object of its own: figures with bounds are objects too.
  static func json(_ estimate: DigestEstimate) -> JSONValue {
    func figure(_ figure: DigestEstimate.Figure?) -> JSONValue {
      figure.map {
        .object([
          "value": real($0.value), "lower": real($0.lower), "upper": real($0.upper),
        ])
      } ?? .null
    }
    return .object([
      "equal": .bool(estimate.isEqual),
      "elements": .integer(Int64(estimate.elementCount)),
      "confidence": real(DigestEstimate.confidence),
      "rel_l2": figure(estimate.relativeL2),
      "rmse": figure(estimate.rmse),
      "cosine": figure(estimate.cosine),
      "max_abs_at_least": real(estimate.maxAbsAtLeast),
      "sample": estimate.sample.map {
        .object([
          "elements": .integer(Int64($0.elementCount)),
          "mismatched": .integer(Int64($0.mismatchedCount)),
          "max_abs": real($0.maxAbs?.value),
        ])
      } ?? .null,
      "actual": json(estimate.actualStatistics),
      "expected": json(estimate.expectedStatistics),
    ])
  }

  /// The names of the quantiles of `|d|`, for 50, 90, 99 and 99.9 percent.
  static let quantileNames = ["p50", "p90", "p99", "p999"]

  /// The index of a row along all axes but the last.
  static func rowIndex(ofRow row: Int, _ shape: Shape) -> [Int] {
    shape.rank < 2 ? [] : shape.index(ofElement: row * shape.rowLength).dropLast()
  }

  private static func json(_ statistics: TensorStatistics) -> JSONValue {
    .object([
      "min": real(statistics.min), "max": real(statistics.max), "mean": real(statistics.mean),
      "std": real(statistics.standardDeviation), "l2": real(statistics.l2),
      "nan": .integer(Int64(statistics.nanCount)), "inf": .integer(Int64(statistics.infCount)),
    ])
  }

  private static func real(_ value: Double?) -> JSONValue {
    value.map(JSONValue.init(real:)) ?? .null
  }

  private static func unsigned(_ value: UInt64) -> JSONValue {
    Int64(exactly: value).map(JSONValue.integer) ?? JSONValue(real: Double(value))
  }

  private static func index(_ offset: Int?, _ shape: Shape) -> JSONValue {
    offset.map { integers(shape.index(ofElement: $0)) } ?? .null
  }

  private static func rowIndex(_ row: Int?, _ shape: Shape) -> JSONValue {
    row.map { integers(rowIndex(ofRow: $0, shape)) } ?? .null
  }

  private static func integers(_ values: [Int]) -> JSONValue {
    .array(values.map { .integer(Int64($0)) })
  }
}
