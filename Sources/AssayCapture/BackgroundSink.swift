import AssayRuns
import AssayTensors
import Foundation

/// Feeds sinks from a thread of its own, through a queue that is bounded by bytes.
///
/// A full queue makes the model wait; nothing is dropped. Who calls synchronously holds his thread
/// meanwhile; an asynchronous model is suspended instead, for its threads may be all that the
/// process has for such work, the writer's among it. The first error of a sink ends their use:
/// what is still queued is let go, and every later event throws that error.
final class BackgroundSink: RunSink, @unchecked Sendable {
  private let byteLimit: Int
  /// What the sinks are given of the tensors.
  private let keep: TensorKeep
  /// Used by the thread alone, which lets go of them when it ends.
  private var sinks: [any RunSink]
  // Guards all that follows, and is signalled whenever any of it changes.
  private let condition = NSCondition()
  private var queue: [RunEvent] = []
  /// Bytes that are promised, queued or being written.
  private var pendingBytes = 0
  private var isBusy = false
  private var isStopped = false
  private var hasEnded = false
  private var failure: (any Error)?
  private var suspended: [(goal: Goal, task: CheckedContinuation<Void, any Error>)] = []

  /// What a task waits for.
  private enum Goal {
    /// That no more bytes are pending than may be.
    case room
    /// That the sinks have received everything.
    case idleness
  }

  init(_ sinks: [any RunSink], keep: TensorKeep, byteLimit: Int) {
    self.sinks = sinks
    self.keep = keep
    self.byteLimit = byteLimit
    let thread = Thread { [self] in run() }
    thread.name = "assay recorder"
    thread.start()
  }

  /// Waits until there is room for bytes, and takes it.
  ///
  /// - Throws: A sink's error; then no room is taken.
  func reserve(_ byteCount: Int) throws {
    condition.lock()
    defer { condition.unlock() }
    while failure == nil, pendingBytes > 0, pendingBytes + byteCount > byteLimit {
      condition.wait()
    }
    if let failure { throw failure }
    pendingBytes += byteCount
  }

  /// Takes room for bytes, whether there is some or not: for who then waits for room.
  func take(_ byteCount: Int) throws {
    condition.lock()
    defer { condition.unlock() }
    if let failure { throw failure }
    pendingBytes += byteCount
  }

  /// Gives back room that was taken for what is not queued after all.
  func release(_ byteCount: Int) {
    condition.lock()
    defer { condition.unlock() }
    pendingBytes -= byteCount
    wake()
  }

  /// Whether more bytes are pending than may be.
  var isOverfull: Bool {
    condition.lock()
    defer { condition.unlock() }
    return pendingBytes > byteLimit
  }

  /// Suspends the task while more bytes are pending than may be.
  ///
  /// - Throws: A sink's error.
  func room() async throws { try await suspend(until: .room) }

  /// Suspends the task until the sinks have received everything.
  ///
  /// - Throws: A sink's error.
  func idleness() async throws { try await suspend(until: .idleness) }

  private func suspend(until goal: Goal) async throws {
    try await withCheckedThrowingContinuation { task in
      condition.lock()
      defer { condition.unlock() }
      suspended.append((goal, task))
      resume()
    }
  }

  /// Tells all who wait, on a thread or suspended, that something has changed.
  private func wake() {
    condition.broadcast()
    resume()
  }

  private func resume() {
    suspended.removeAll { goal, task in
      if let failure {
        task.resume(throwing: failure)
        return true
      }
      let isReached =
        switch goal {
        case .room: pendingBytes <= byteLimit
        case .idleness: isIdle
        }
      if isReached { task.resume() }
      return isReached
    }
  }

  private var isIdle: Bool { !isBusy && queue.isEmpty }

  /// Queues an event, for whose tensors room was taken.
  func receive(_ event: RunEvent) throws {
    condition.lock()
    defer { condition.unlock() }
    if let failure { throw failure }
    queue.append(event)
    condition.broadcast()
  }

  /// Waits until the sinks have received everything.
  ///
  /// - Throws: A sink's error.
  func drain() throws {
    condition.lock()
    defer { condition.unlock() }
    while failure == nil, !isIdle { condition.wait() }
    if let failure { throw failure }
  }

  /// Waits until the queue is empty, and lets go of the sinks: a writer whose run never ended
  /// removes its temporary file before the process can end.
  func stop() {
    condition.lock()
    defer { condition.unlock() }
    isStopped = true
    condition.broadcast()
    while !hasEnded { condition.wait() }
  }

  private func run() {
    while var events = takeQueue() {
      // From the end, so that each event is gone when its bytes no longer count.
      events.reverse()
      while let event = events.popLast() {
        do {
          let kept = event.keeping(keep)
          for sink in sinks { try sink.receive(kept) }
        } catch {
          fail(error)
          break
        }
        release(event.byteCount)
      }
    }
    sinks = []
    condition.lock()
    defer { condition.unlock() }
    hasEnded = true
    condition.broadcast()
  }

  /// Waits for events.
  ///
  /// - Returns: All that are queued; `nil` when no more will come.
  private func takeQueue() -> [RunEvent]? {
    condition.lock()
    defer { condition.unlock() }
    isBusy = false
    wake()
    while queue.isEmpty, !isStopped { condition.wait() }
    guard !queue.isEmpty else { return nil }
    isBusy = true
    defer { queue = [] }
    return queue
  }

  private func fail(_ error: any Error) {
    condition.lock()
    defer { condition.unlock() }
    failure = error
    queue = []
    wake()
  }
}

extension RunEvent {
  /// The bytes of the tensors that it holds.
  fileprivate var byteCount: Int {
    guard case .captured(let part) = self else { return 0 }
    return part.tensors.reduce(0) { count, captured in
      if case .stored(_, let tensor) = captured { count + tensor.byteCount } else { count }
    }
  }
}
