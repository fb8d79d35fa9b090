public import AssayTensors

/// Reads one recorded run, whatever its layout.
public protocol RunReader: Sendable {
  /// The directory or file that holds the run.
  var path: String { get }
  /// What the run says about itself.
  var manifest: RunManifest { get }
  /// The completed steps, ascending.
  var steps: [StepRecord] { get }

  /// Reads one tensor; large ones are memory-mapped, not copied.
  ///
  /// - Parameter key: The key of a ``TensorRecord`` of this run that was not skipped.
  /// - Throws: ``RunError/unreadableTensor(_:path:reason:)``.
  func tensor(_ key: TensorKey) throws -> Tensor

  /// How many bytes a tensor takes; `nil` where only opening it would tell.
  ///
  /// - Complexity: O(1), without reading anything.
  func byteCount(of key: TensorKey) -> Int?
}

extension RunReader {
  /// Says that only opening a tensor would tell.
  public func byteCount(of key: TensorKey) -> Int? { nil }
}

extension RunReader {
  /// How many of its tensors the run has as digests only.
  package var digestCount: Int {
    steps.reduce(0) { count, step in
      step.calls.reduce(count) { $0 + $1.tensors.count { $0.digest != nil } }
    }
  }
}
