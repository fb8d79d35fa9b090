import Dispatch
import Synchronization

/// Maps `0..<count` on all cores; results come in order, whatever finished first.
///
/// - Parameters:
///   - count: How many results to make.
///   - progress: Called after each with the number done and `count`, one call at a time.
///   - body: Makes one result; at most as many run at once as there are cores, or as are this
///     process's share of them.
package func concurrentMap<Result: Sendable>(
  count: Int, progress: (@Sendable (Int, Int) -> Void)? = nil,
  _ body: @Sendable (Int) -> Result
) -> [Result] {
  let done = Mutex(0)
  return Array(unsafeUninitializedCapacity: count) { buffer, initializedCount in
    // Every place is written by one iteration only.
    nonisolated(unsafe) let results = buffer
    @Sendable func make(_ index: Int) {
      results.initializeElement(at: index, to: body(index))
      if let progress {
        done.withLock {
          $0 += 1
          progress($0, count)
        }
      }
    }
    if let share = ProcessShare.cores, share < count {
      let next = Atomic(0)
      DispatchQueue.concurrentPerform(iterations: share) { _ in
        while true {
          let index = next.add(1, ordering: .relaxed).oldValue
          guard index < count else { return }
          make(index)
        }
      }
    } else {
      DispatchQueue.concurrentPerform(iterations: count) { make($0) }
    }
    initializedCount = count
  }
}
