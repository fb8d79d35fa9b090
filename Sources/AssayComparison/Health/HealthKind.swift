/// What can be wrong with one tensor of one run.
public enum HealthKind: String, Sendable, CaseIterable, Comparable {
  /// It has NaN or infinite elements.
  case nonFinite = "non_finite"
  /// It has elements equal to the dtype's largest number; of scaled dtypes (fp8) more than a
  /// quarter of its elements.
  case saturated
  /// It has elements near the dtype's largest number.
  case nearLargest = "near_largest"
  /// None of its elements is larger than a little more than the dtype's smallest normal number.
  case nearSmallest = "near_smallest"
  /// At least half of its elements that are not zero are subnormal.
  case subnormal
  /// All elements of all outputs of a call are zero, in every step that was recorded.
  case allZero = "all_zero"
  /// All elements of each output of a call are the same, in every step that was recorded.
  case constant
  /// A mask hides everything.
  case maskEverything = "mask_everything"
  /// A mask has rows of -inf only, of which softmax makes NaN.
  case maskedRows = "masked_rows"
  /// A mask has both -inf and values near the lowest number: a sum of masks overflowed.
  case maskOverflow = "mask_overflow"

  /// The order of a report: what is worst comes first.
  public static func < (first: HealthKind, second: HealthKind) -> Bool {
    first.position < second.position
  }

  private var position: Int { HealthKind.allCases.firstIndex(of: self) ?? 0 }

  fileprivate var bit: UInt16 { 1 << UInt16(position) }
}

/// A set of kinds.
struct HealthKinds: OptionSet, Hashable, Sendable {
  var rawValue: UInt16

  static func only(_ kind: HealthKind) -> HealthKinds { HealthKinds(rawValue: kind.bit) }

  /// What tells of a module that is dead, and only where all that it was given is alive.
  static let dead: HealthKinds = [.only(.allZero), .only(.constant)]

  var kinds: [HealthKind] { HealthKind.allCases.filter { contains(.only($0)) } }
}
