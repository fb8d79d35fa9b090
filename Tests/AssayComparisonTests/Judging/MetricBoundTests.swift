import AssayComparison
import AssayTensors
import Foundation
import Testing

@Suite struct MetricBoundTests {
  @Test(arguments: [
    ("rel_l2 <= 1e-3", MetricBound.atMost(.relativeL2, 1e-3)),
    (" cosine>=.5 ", .atLeast(.cosine, 0.5)),
    ("snr_db >= -3", .atLeast(.snrDecibels, -3)),
    ("max_abs <= 1 and max_ulp <= 4", .all([.atMost(.maxAbs, 1), .atMost(.maxULP, 4)])),
    (
      "rel_l2 <= 1 or max_abs <= 2 and rmse <= 3",
      .any([.atMost(.relativeL2, 1), .all([.atMost(.maxAbs, 2), .atMost(.rmse, 3)])])
    ),
    (
      "rel_l2 <= 1e-3 and (cosine >= 0.9999 or max_abs <= 1e-4)",
      .all([.atMost(.relativeL2, 1e-3), .any([.atLeast(.cosine, 0.9999), .atMost(.maxAbs, 1e-4)])])
    ),
    ("((worst_row <= 2.))", .atMost(.worstRow, 2)), ("max_abs <= 0", .atMost(.maxAbs, 0)),
  ])
  func readsFiguresAndTheirBounds(text: String, bound: MetricBound) throws {
    #expect(try MetricBound(parsing: text) == bound)
  }

  @Test(arguments: Metric.bounded)
  func everyFigureCanBeBounded(metric: Metric) throws {
    let sign = metric.isBetterLarge ? ">=" : "<="
    let bound = try MetricBound(parsing: "\(metric.name) \(sign) 0.25")
    #expect(bound == (metric.isBetterLarge ? .atLeast(metric, 0.25) : .atMost(metric, 0.25)))
  }

  @Test(arguments: [
    ("", "it is empty"), ("rel_l3 <= 1", "found \"rel_l3\"; there are mismatched_share, max_abs"),
    ("rel_l2 >= 1", "expected \"<=\" after rel_l2, of which less is better, found \">=\""),
    ("cosine <= 1", "expected \">=\" after cosine, of which more is better, found \"<=\""),
    ("rel_l2 < 1", "found \"<\""), ("rel_l2 == 1", "found \"==\""), ("rel_l2", "found the end"),
    ("rel_l2 <= -1", "is never negative"), ("rel_l2 <= nan", "found \"nan\""),
    ("rel_l2 <= inf", "found \"inf\""), ("rel_l2 <= 1e999", "found \"1e999\""),
    ("rel_l2 <= 0x10", "found \"0x10\""), ("rel_l2 <= 1 2", "or the end, found \"2\""),
    ("(rel_l2 <= 1", "expected \")\", found the end"), ("rel_l2 <= 1)", "found \")\""),
    ("rel_l2 <= 1 and", "found the end"), ("and", "found \"and\""),
    (String(repeating: "(", count: 2000), "nested more than 16 deep"),
    (String(repeating: " ", count: 5000), "longer than 4096 bytes"),
  ])
  func refusesTheRest(text: String, reason: String) {
    let error = #expect(throws: ComparisonError.self) { try MetricBound(parsing: text) }
    #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
  }

  /// d = [3, 4] against [0, 5]: norms 5 and 5, so the relative L2 error is 1.
  private func difference() throws -> Difference {
    try TensorComparison.difference(
      actual: Tensor([3, 9] as [Float], dtype: .float32),
      expected: Tensor([0, 5] as [Float], dtype: .float32), rule: .exact)
  }

  @Test(
    arguments: [
      ("rel_l2 <= 1", nil), ("max_abs <= 4", nil), ("mean_abs <= 3.5", nil),
      ("rel_l2 <= 0.5", "rel_l2 1 is not <= 0.5"), ("max_abs <= 1e-3", "max_abs 4 is not <= 0.001"),
      ("rel_linf <= 0.8", nil), ("rel_linf <= 0.7", "rel_linf 0.8 is not <= 0.7"),
      ("max_rel <= 1e9", "max_rel inf is not <= 1000000000"),
      ("mismatched_share <= 1", nil),
      ("mismatched_share <= 0.5", "mismatched_share 1 is not <= 0.5"),
      ("snr_db >= 0", nil), ("snr_db >= 1", "snr_db 0 is not >= 1"),
      ("max_abs <= 5 and mean_abs <= 3", "mean_abs 3.5 is not <= 3"),
      ("max_abs <= 5 or mean_abs <= 3", nil),
      ("max_abs <= 3 or mean_abs <= 3", "max_abs 4 is not <= 3 and mean_abs 3.5 is not <= 3"),
    ] as [(String, String?)])
  func saysWhichFigureIsOutside(text: String, failure: String?) throws {
    #expect(try MetricBound(parsing: text).failure(of: difference()) == failure)
  }

  /// As deep, as often and as long as can be, and one more.
  @Test func limitsAreWhatMayJustBeRead() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "(", count: depth) + "rmse <= 1" + String(repeating: ")", count: depth)
    }
    let bound = MetricBound.atMost(.rmse, 1)
    #expect(try MetricBound(parsing: nested(16)) == bound)
    #expect(throws: ComparisonError.self) { try MetricBound(parsing: nested(17)) }
    let many = [String](repeating: "(rmse <= 1)", count: 17).joined(separator: " and ")
    #expect(try MetricBound(parsing: many) == .all([MetricBound](repeating: bound, count: 17)))
    func padded(_ length: Int) -> String {
      "rmse <= 1".padding(toLength: length, withPad: " ", startingAt: 0)
    }
    #expect(try MetricBound(parsing: padded(4096)) == bound)
    #expect(throws: ComparisonError.self) { try MetricBound(parsing: padded(4097)) }
  }

  /// 4 against 3: a third, in four digits unless these would hold.
  @Test(arguments: [
    ("rel_l2 <= 0.1", "rel_l2 0.3333 is not <= 0.1"),
    ("rel_l2 <= 0.33332", "rel_l2 0.3333333333333333 is not <= 0.33332"),
  ])
  func figuresAreRoundedWhereTheyStillFail(text: String, failure: String) throws {
    let difference = try TensorComparison.difference(
      actual: Tensor([4.0], dtype: .float64), expected: Tensor([3.0], dtype: .float64),
      rule: .exact)
    #expect(try MetricBound(parsing: text).failure(of: difference) == failure)
  }

  @Test func noFigureAndNoNumberMeetNoBound() throws {
    let empty = Difference()
    #expect(
      MetricBound.atMost(.maxAbs, 1).failure(of: empty) == "max_abs is undefined, so not <= 1")
    #expect(try MetricBound.atMost(.maxAbs, .nan).failure(of: difference()) != nil)
    #expect(try MetricBound.any([]).failure(of: difference()) == "no bound is given")
  }
}
