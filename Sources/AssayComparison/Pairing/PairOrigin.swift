public import AssayTensors

/// How the two tensors of a pair were found.
public struct PairOrigin: Sendable, Equatable {
  /// One of the two tensors.
  public struct Side: Sendable, Equatable {
    /// The module's name in its own run.
    public var module: String
    /// The slot's name in its own run.
    public var slot: Slot
    /// What was done to the tensor before it was compared: `squeeze(0)`, `part 1 of 3 along axis -1`.
    public var operations: [String]
  }

  /// The position of the mapping rule, from 0; `nil` where equal names alone made the pair.
  public var rule: Int?
  /// The tensor under test.
  public var actual: Side
  /// The reference.
  public var expected: Side
}

/// What a mapping did.
public struct MappingSummary: Sendable, Equatable {
  /// What one rule did.
  public struct Rule: Sendable, Equatable {
    /// The rule in one line.
    public var text: String
    /// Its line in the file.
    public var line: Int?
    /// How many pairs it made, or how many tensors it left out.
    public var count = 0
  }

  /// A tensor that a rule left out.
  public struct Dropped: Sendable, Equatable {
    /// The tensor's name in its own run.
    public var key: TensorKey
    /// Whether it is the actual run's.
    public var isActual: Bool
    /// The position of the rule, from 0.
    public var rule: Int
  }

  /// The file that the rules come from.
  public var source: String?
  /// The rules.
  public var rules: [Rule]
  /// How many tensors paired by equal names.
  public var exactCount = 0
  /// What was left out, in execution order: first of the actual run.
  public var dropped: [Dropped] = []
}
