public import AssayTensors

/// Under which rule each tensor is judged.
///
/// Integers and booleans are compared exactly whatever the bounds are: a token id, an index or a
/// quantised value that is off by one is another one. Only a rule of ``ToleranceRules`` that names them
/// allows more.
public struct Tolerance: Sendable, Hashable {
  /// Where the bounds come from.
  package enum Kind: Sendable, Hashable {
    /// The same bounds for every dtype but integers and booleans.
    case elementwise(rtol: Double, atol: Double)
    /// The defaults of `torch.testing.assert_close`, by dtype.
    case torch
    /// Ordered rules, of which the first that matches a tensor decides.
    case rules(ToleranceRules)
  }

  /// Where the bounds come from.
  package let kind: Kind
  /// Whether a NaN matches a NaN; a rule that says so itself goes before.
  public var equalNaN: Bool

  /// vLLM's documented defaults: rtol 1e-5, atol 1e-8.
  public static let vllm = Tolerance(kind: .elementwise(rtol: 1e-5, atol: 1e-8))
  /// The defaults of `torch.testing.assert_close`: float16 1e-3 and 1e-5, bfloat16 1.6e-2 and
  /// 1e-5, float32 1.3e-6 and 1e-5, float64 1e-7 and 1e-7, complex like its parts, the rest exact.
  public static let torch = Tolerance(kind: .torch)
  /// Nothing but equal values match.
  public static let exact = Tolerance(kind: .elementwise(rtol: 0, atol: 0))

  /// The tolerance of some rules.
  public static func rules(_ rules: ToleranceRules) -> Tolerance {
    Tolerance(kind: .rules(rules), equalNaN: rules.equalNaN)
  }

  private init(kind: Kind, equalNaN: Bool = false) {
    self.kind = kind
    self.equalNaN = equalNaN
  }

  /// Makes a tolerance that is the same for every dtype but integers and booleans.
  ///
  /// - Parameters:
  ///   - rtol: The share of the expected magnitude that is allowed.
  ///   - atol: The absolute difference that is allowed.
  ///   - equalNaN: Whether a NaN matches a NaN.
  /// - Throws: ``ComparisonError/invalidTolerance(name:value:)`` for a bound that is negative,
  ///   infinite or NaN.
  public init(rtol: Double, atol: Double, equalNaN: Bool = false) throws(ComparisonError) {
    let rule = try ElementRule(rtol: rtol, atol: atol, equalNaN: equalNaN)
    kind = .elementwise(rtol: rule.rtol, atol: rule.atol)
    self.equalNaN = equalNaN
  }

  /// The first pattern of a rule whose matching was given up.
  var unfinishedPattern: UnfinishedPattern? {
    guard case .rules(let rules) = kind else { return nil }
    return rules.unfinishedPattern
  }

  /// What it is called in a report: `torch`, `rtol 1e-5, atol 1e-8`, `12 rules of tolerances.yml`.
  package var name: String {
    switch kind {
    case .elementwise(let rtol, let atol): "rtol \(rtol.shortText), atol \(atol.shortText)"
    case .torch: "torch"
    case .rules(let rules): rules.name
    }
  }

  /// The rule under which elements of a dtype are judged; exact for integers and booleans, and
  /// where rules decide by the tensor.
  public func rule(for dtype: DType) -> ElementRule {
    let (rtol, atol): (Double, Double) =
      switch kind {
      case _ where dtype.isInteger: (0, 0)
      case .elementwise(let rtol, let atol): (rtol, atol)
      case .torch: Tolerance.torchBounds(for: dtype)
      case .rules: (0, 0)
      }
    return ElementRule(validRtol: rtol, atol: atol, equalNaN: equalNaN)
  }

  private static func torchBounds(for dtype: DType) -> (rtol: Double, atol: Double) {
    switch dtype {
    case .float16, .complex32: (1e-3, 1e-5)
    case .bfloat16: (1.6e-2, 1e-5)
    case .float32, .complex64: (1.3e-6, 1e-5)
    case .float64, .complex128: (1e-7, 1e-7)
    default: (0, 0)
    }
  }
}

extension Tolerance {
  /// The three-way gate that AWS Neuron publishes for a candidate, a floor and a truth: the errors'
  /// distributions overlap by 0.99 or the candidate's is the narrower one, its largest error is at
  /// most 5 times the floor's, and its norm at most 3 times.
  package static func threeWayGate() throws(ComparisonError) -> Tolerance {
    .rules(
      try ToleranceRules(
        yaml: """
          rules:
            - module: .*
              bound: (bhattacharyya >= 0.99 or sigma_ratio <= 1) and linf_ratio <= 5 and l2_ratio <= 3
          """))
  }
}

extension Double {
  /// The shortest text that reads back the same, without `.0` and without zeros in its exponent.
  var shortText: String {
    var text = "\(self)"
    if text.hasSuffix(".0") { text.removeLast(2) }
    return text.replacing("e-0", with: "e-").replacing("e+0", with: "e+")
      .replacing(".0e", with: "e")
  }
}
