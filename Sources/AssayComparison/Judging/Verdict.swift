/// What comparing a step, a module call or a tensor came to.
public enum Verdict: String, Sendable, CaseIterable {
  /// Something was compared, and everything is within the tolerance.
  case match
  /// Of a step or a call: something in it failed.
  case mismatch
  /// Of a tensor: some elements are outside the tolerance.
  case values
  /// Of a tensor: the shapes differ.
  case shape
  /// Of a tensor: the dtypes differ.
  case dtype
  /// Only the expected run has it, or the actual run skipped it.
  case missingInActual = "missing_in_actual"
  /// Only the actual run has it, or the expected run skipped it.
  case missingInExpected = "missing_in_expected"
  /// Of a tensor: one of the two could not be read.
  case unreadable
  /// Of a tensor: the module had it, and a run could not record it.
  case notRecorded = "not_recorded"
  /// Of a tensor: both runs have it, and none of its rows is one that both computed.
  case notComputed = "not_computed"
  /// Of a tensor: the ranks of a group do not hold it as its placement says, or nothing says how.
  case placement
  /// Of a tensor: ranks of a group that were to hold the same do not.
  case replicas
  /// Nothing failed, but nothing was compared either: both runs skipped it, or all that is in it.
  case skipped

  /// Whether it makes the comparison fail.
  public var isFailure: Bool {
    self != .match && self != .skipped && self != .notComputed
  }
  /// Whether both tensors are known and differ.
  public var isDivergence: Bool { self == .values || self == .shape || self == .dtype }
}

extension Verdict {
  /// What the parts of something come to that is in the runs that `presence` tells.
  init(_ presence: Presence, parts: some Sequence<Verdict>) {
    switch presence {
    case .actualOnly: self = .missingInExpected
    case .expectedOnly: self = .missingInActual
    case .both:
      var result = Verdict.skipped
      for verdict in parts {
        if verdict.isFailure {
          result = .mismatch
          break
        }
        if verdict == .match { result = .match }
      }
      self = result
    }
  }
}

/// Which of the two runs has something.
public enum Presence: Sendable, Equatable {
  /// Both.
  case both
  /// Only the run under test.
  case actualOnly
  /// Only the reference.
  case expectedOnly

  init?(actual: Bool, expected: Bool) {
    switch (actual, expected) {
    case (true, true): self = .both
    case (true, false): self = .actualOnly
    case (false, true): self = .expectedOnly
    case (false, false): return nil
    }
  }
}
