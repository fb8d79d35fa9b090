package import AssayTensors

/// Something that is wrong with a tolerance rule, as the tensors of a run show it.
package struct ToleranceFinding: Sendable, Equatable {
  /// What is wrong.
  package enum Kind: String, Sendable, CaseIterable {
    /// It fails when the largest element is one unit in the last place off: it can only flake.
    case tighterThanOneULP = "tighter_than_one_ulp"
    /// Its atol is 0, under which elements near zero can only flake: rounding moves them by parts of
    /// the larger ones.
    case flakesNearZero = "flakes_near_zero"
    /// It lets integers differ, because it names them; a note, for that may be meant.
    case toleratesIntegers = "tolerates_integers"
    /// It asks for equal floats; a note, for that may be meant.
    case asksForEquality = "asks_for_equality"
    /// It passes a tensor of nothing but zeros: it would not notice a dead module.
    case passesZeros = "passes_zeros"
    /// It passes the largest finite values of the other sign: no finite value fails.
    case cannotFail = "cannot_fail"
    /// It fails the recorded tensor itself, such as one with NaN without `equal_nan`.
    case cannotPass = "cannot_pass"
    /// No tensor of the runs is what it is for.
    case matchesNothing = "matches_nothing"
    /// Earlier rules decide about all tensors that it is for.
    case neverDecides = "never_decides"
    /// No rule matches: such tensors fail every comparison.
    case unmatched
  }

  /// What is wrong.
  package var kind: Kind
  /// The rule's position, from 0; `nil` for tensors without a rule.
  package var rule: Int?
  /// How many tensors show it.
  package var count: Int
  /// The first tensor that shows it.
  package var first: TensorKey?
  /// Why, with figures of the first tensor, or the rule that decides instead.
  package var detail: String?

  /// Whether it is only pointed out and no fault.
  package var isNote: Bool { kind == .asksForEquality || kind == .toleratesIntegers }
}
