public import AssayComparison
public import AssayRuns
public import AssayTensors

/// What a new golden changes: every tensor that is added, removed or differs at all.
public struct ChangeList: Sendable {
  /// One tensor that changes.
  public struct Change: Sendable {
    /// The forward pass of the root module, from 0.
    public var step: Int
    /// The module call.
    public var call: ModuleCall
    /// The tensor, with the figures of its change where its elements were compared.
    public var tensor: TensorResult
  }

  /// The tensors that only the new run has.
  public var added: [Change] = []
  /// The tensors that only the old golden has.
  public var removed: [Change] = []
  /// The tensors whose values, shape or dtype change, within the tolerance or not.
  public var changed: [Change] = []
  /// How many tensors stay as they are.
  public var unchangedCount = 0

  /// Lists the changes.
  ///
  /// - Parameter comparison: The new run as the actual, the old golden as the expected one.
  public init(_ comparison: RunComparison) {
  }

  /// Whether nothing changes.
  public var isEmpty: Bool { added.isEmpty && removed.isEmpty && changed.isEmpty }

  /// The changes in a bounded number of plain lines, without a newline at the end.
  public var text: String { "" }

  /// The changes as GitHub markdown that ends with a newline.
  public var markdown: String { "" }
}
