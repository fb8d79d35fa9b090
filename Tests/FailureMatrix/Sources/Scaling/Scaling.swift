import Assay
import Dispatch
import Foundation

/// A model that ought to double its input.
public func replay(_ probe: Probe) throws {
  try probe.step {
    _ = try probe("double", probe.input("double")) { try scaled($0) }
  }
}

/// A float32 tensor times `$FACTOR`, where the goldens have two times.
public func scaled(_ tensor: Tensor) throws -> Tensor {
  let factor = ProcessInfo.processInfo.environment["FACTOR"].flatMap(Float.init) ?? 3
  return try Tensor(
    tensor.float32Values().map { $0 * factor }, dtype: .float32, shape: tensor.shape)
}

/// What a model may throw.
public struct ModelError: Error {
  /// Makes one.
  public init() {}
}

/// Runs a closure on a dispatch queue, and waits for it.
public func onQueue(_ body: @escaping @Sendable () throws -> Void) {
  let done = DispatchSemaphore(value: 0)
  DispatchQueue(label: "cases").async {
    try? body()
    done.signal()
  }
  done.wait()
}
