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
  let state = Mutex((results: [Result?](repeating: nil, count: count), done: 0))
  DispatchQueue.concurrentPerform(iterations: count) { index in
    let result = body(index)
    state.withLock {
      $0.results[index] = result
      $0.done += 1
      progress?($0.done, count)
    }
  }
  return state.withLock { $0.results.compactMap { $0 } }
}
