package import AssayTensors

/// How the two tensors of a pair were found.
package struct PairOrigin: Sendable, Equatable {
  /// One of the two tensors.
  package struct Side: Sendable, Equatable {
    /// The module's name in its own run.
    package var module: String
    /// The call of the module.
    package var call: Int
    /// The slot's name in its own run.
    package var slot: Slot
    /// What was done to the tensor before it was compared: `squeeze(0)`, `part 1 of 3 along axis -1`.
    package var operations: [String]
  }

  /// The position of the mapping rule, from 0; `nil` where equal names alone made the pair.
  package var rule: Int?
  /// The tensor under test.
  package var actual: Side
  /// The reference.
  package var expected: Side

  /// Whether the tensors are of calls of other numbers, which is worth telling.
  package var crossesCalls: Bool { actual.call != expected.call }
}

/// What a mapping did.
package struct MappingSummary: Sendable, Equatable {
  /// What one rule did.
  package struct Rule: Sendable, Equatable {
    /// The rule in one line.
    package var text: String
    /// Its line in the file.
    package var line: Int?
    /// How many pairs it made, or how many tensors it left out.
    package var count = 0
    /// Whether it may do nothing.
    package var isOptional = false
  }

  /// A tensor that a rule left out.
  package struct Dropped: Sendable, Equatable {
    /// The tensor's name in its own run.
    package var key: TensorKey
    /// Whether it is the actual run's.
    package var isActual: Bool
    /// The position of the rule, from 0.
    package var rule: Int
  }

  /// The file that the rules come from.
  package var source: String?
  /// The rules.
  package var rules: [Rule]
  /// How many tensors paired by equal names.
  package var exactCount = 0
  /// What was left out, in execution order: first of the actual run.
  package var dropped: [Dropped] = []
}
