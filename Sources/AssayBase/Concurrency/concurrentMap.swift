import Dispatch
import Synchronization

/// Maps `0..<count` on all cores; results come in order, whatever finished first.
///
/// - Parameters:
///   - count: How many results to make.
///   - progress: Called after each with the number done and `count`, one call at a time.
///   - body: Makes one result; at most as many run at once as there are cores.
package func concurrentMap<Result: Sendable>(
  count: Int, progress: (@Sendable (Int, Int) -> Void)? = nil,
  _ body: @Sendable (Int) -> Result
) -> [Result] {
  let done = Mutex(0)
  return Array(unsafeUninitializedCapacity: count) { buffer, initializedCount in
    // Every place is written by one iteration only.
    nonisolated(unsafe) let results = buffer
    DispatchQueue.concurrentPerform(iterations: count) { index in
      results.initializeElement(at: index, to: body(index))
      if let progress {
        done.withLock {
          $0 += 1
          progress($0, count)
        }
      }
    }
    initializedCount = count
  }
}
