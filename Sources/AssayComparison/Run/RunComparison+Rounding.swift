import AssayTensors
import Foundation

extension RunComparison {
  /// Notes that no more differs than rounding explains, where that is so, and what would judge it
  /// better.
  ///
  /// Rounding makes errors of a few units of the dtype wherever a call computes from equal inputs,
  /// and nowhere large ones. An element rule still fails where values are near zero.
  ///
  /// - Returns: Whether it is so.
  mutating func noteRounding() -> Bool {
    let failing = steps.flatMap { step in
      step.modules.flatMap { $0.tensors.filter { $0.verdict == .values } }
    }
    var largest: (element: Double, row: Double, roundings: Double, dtype: DType)?
    var atol = 0.0
    for tensor in failing {
      guard let difference = tensor.difference, difference.nonFiniteDifferenceCount == 0,
        let dtype = tensor.dtype, let unit = dtype.roundingUnit, let row = tensor.error,
        row <= min(256 * unit, 0.03)
      else { return false }
      atol = max(atol, difference.minimumAtol)
      let element = max(largest?.element ?? 0, difference.maxAbsMismatched?.value ?? 0)
      if row / unit >= largest?.roundings ?? 0 {
        largest = (element, row, row / unit, dtype)
      } else {
        largest?.element = element
      }
    }
    guard let largest, let unit = largest.dtype.roundingUnit, atol.isFinite else { return false }
    let own = introducedByError.first?.module.origin?.introducedError ?? 0
    let first =
      firstDifference?.origin.inputError ?? 0 == 0
      ? firstDifference?.origin.outputError ?? 0 : 0
    guard max(own, first) <= 8 * unit else { return false }
    let (count, total) = (summary.elements.mismatched, summary.elements.compared)
    let share = Double(count) / Double(max(total, 1)) * 100
    notes.insert(
      "rounding explains what differs in values: \(count) of \(total) elements "
        + "(\(share.aboutText) %) are outside the tolerance, by at most "
        + "\(largest.element.aboutText), but no row of a tensor is off by more than "
        + "\(largest.row.aboutText) of its norm, \(largest.roundings.rounded(.up).shortText) "
        + "roundings of \(largest.dtype.rawValue); values near zero fail under a tolerance for "
        + "single elements; an atol of \(atol.roundedUp.shortText) passes all, and a rule with "
        + "worst_row <= \(pow(10, log10(largest.row).rounded(.up)).shortText) judges each row by "
        + "its size", at: 0)
    return true
  }
}

extension DType {
  /// The distance from 1 to the next larger value; `nil` for what is not rounded.
  fileprivate var roundingUnit: Double? {
    switch self {
    case .float64: 0x1p-52
    case .float32: 0x1p-23
    case .float16: 0x1p-10
    case .bfloat16: 0x1p-7
    default: nil
    }
  }
}

extension Double {
  /// The next larger number of two digits.
  fileprivate var roundedUp: Double {
    guard isNormal else { return self }
    let exponent = Int(log10(magnitude).rounded(.down)) - 1
    let digits = (self / pow(10, Double(exponent))).rounded(.up)
    return Double("\(Int(digits))e\(exponent)") ?? self
  }
}
