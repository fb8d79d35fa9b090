package import AssayTensors

/// How the tensors that it matches are judged.
///
/// Integers and booleans that it matches are compared exactly, unless it names them:
/// ``namesIntegers``.
package struct ToleranceRule: Sendable, Hashable {
  /// What decides about a tensor.
  package enum Criterion: Sendable, Hashable {
    /// Every element by itself, but for a number of outliers.
    case elementwise(ElementRule, outliers: OutlierBudget)
    /// Figures of the whole tensor.
    case bound(MetricBound)
  }

  /// What is found in the module's name.
  package var module: ModulePattern
  /// What is found in the slot's name; `nil` for any.
  package var slot: ModulePattern?
  /// The expected tensor's dtype; `nil` for any.
  package var dtype: DType?
  /// The steps; `nil` for any.
  package var steps: Set<Int>?
  /// The device, as the expected run names it; `nil` for any.
  package var device: Device?
  /// Whether a NaN matches a NaN; `nil` leaves it to the criterion and the tolerance.
  package var equalNaN: Bool?
  /// Whether NaN and infinity belong there: both sides have the same at the same positions, a new
  /// or lost one fails, and figures are of the rest, also where nothing is left.
  package var equalNonFinite: Bool
  /// What decides.
  package var criterion: Criterion

  /// Makes a rule.
  package init(
    module: ModulePattern, slot: ModulePattern? = nil, dtype: DType? = nil,
    steps: Set<Int>? = nil, device: Device? = nil, equalNaN: Bool? = nil,
    equalNonFinite: Bool = false, criterion: Criterion
  ) {
    self.module = module
    self.slot = slot
    self.dtype = dtype
    self.steps = steps
    self.device = device
    self.equalNaN = equalNaN
    self.equalNonFinite = equalNonFinite
    self.criterion = criterion
  }

  /// Whether it names integers, so that what it allows holds for them too.
  ///
  /// It does where it says their `dtype`, or without a dtype both a module and a slot, each by a
  /// pattern that isn't found in every name. What is said of floats must not reach the token ids
  /// and indices of the same modules.
  package var namesIntegers: Bool {
    if let dtype { return dtype.isInteger }
    guard let slot else { return false }
    return !["zqz", "xjx"].allSatisfy(module.matches)
      && !["inputs_0", "outputs", "outputs_0"].allSatisfy(slot.matches)
  }

  /// Whether it asks for nothing but equal elements.
  var isExact: Bool {
    guard case .elementwise(let rule, let outliers) = criterion else { return false }
    return rule.rtol == 0 && rule.atol == 0 && outliers == .none
  }

  /// Whether everything but the module's name fits.
  func matchesRest(of key: TensorKey, dtype: DType) -> Bool {
    self.dtype.map { $0 == dtype } ?? true
      && steps?.contains(key.step) ?? true
      && device.map { $0 == key.device } ?? true
      && slot?.matches(key.slot.rawValue) ?? true
  }

  /// The rule under which the figures are made; exact for a bound.
  func elementRule(equalNaN inherited: Bool) -> ElementRule {
    switch criterion {
    case .elementwise(let rule, _):
      ElementRule(
        validRtol: rule.rtol, atol: rule.atol,
        equalNaN: equalNonFinite || (equalNaN ?? (rule.equalNaN || inherited)))
    case .bound:
      ElementRule(validRtol: 0, atol: 0, equalNaN: equalNonFinite || (equalNaN ?? inherited))
    }
  }
}

/// How many elements of a tensor may lie outside of rtol and atol.
///
/// Values that are not finite are never outliers: one that differs fails its tensor.
package enum OutlierBudget: Sendable, Hashable {
  /// Not one.
  case none
  /// So many.
  case count(Int)
  /// A share of the elements, from 0 to 1.
  case share(Double)

  func allows(_ count: Int, of total: Int) -> Bool {
    switch self {
    case .none: count == 0
    case .count(let limit): count <= limit
    case .share(let share): Double(count) <= share * Double(total)
    }
  }
}

extension OutlierBudget: CustomStringConvertible {
  /// The number, or the share in percent.
  package var description: String {
    switch self {
    case .none: "0"
    case .count(let limit): "\(limit)"
    case .share(let share): "\((share * 100).shortText) %"
    }
  }
}
