import AssayRuns
import Foundation

/// Feeds a sink from a thread of its own, through a queue that is bounded by bytes.
///
/// A full queue makes the model wait; nothing is dropped. The first error of the sink ends its use:
/// what is still queued is let go, and every later call throws that error.
final class BackgroundSink: @unchecked Sendable {
  enum Work {
    case beginStep(Int)
    case part(CallPart)
    case endStep(Int, calls: [ModuleCall], completionOrder: [Int])
    case discardStep(Int)
    case finish(RunManifest)
  }

  private let byteLimit: Int
  // Guards all that follows, and is signalled whenever any of it changes.
  private let condition = NSCondition()
  /// Let go of when the thread ends.
  private var sink: (any CallSink)?
  private var queue: [(work: Work, byteCount: Int)] = []
  /// Bytes that are promised, queued or being written.
  private var pendingBytes = 0
  private var isBusy = false
  private var isStopped = false
  private var failure: (any Error)?

  init(_ sink: any CallSink, byteLimit: Int) {
    self.sink = sink
    self.byteLimit = byteLimit
    let thread = Thread { [self] in run() }
    thread.name = "assay recorder"
    thread.start()
  }

  /// Waits until there is room for bytes, and takes it.
  ///
  /// - Throws: The sink's error; then no room is taken.
  func reserve(_ byteCount: Int) throws {
    condition.lock()
    defer { condition.unlock() }
    while failure == nil, pendingBytes > 0, pendingBytes + byteCount > byteLimit {
      condition.wait()
    }
    if let failure { throw failure }
    pendingBytes += byteCount
  }

  /// Gives back room that was taken for work that is not queued after all.
  func release(_ byteCount: Int) {
    condition.lock()
    defer { condition.unlock() }
    pendingBytes -= byteCount
    condition.broadcast()
  }

  /// Queues work for which room was taken.
  func push(_ work: Work, byteCount: Int = 0) throws {
    condition.lock()
    defer { condition.unlock() }
    if let failure { throw failure }
    queue.append((work, byteCount))
    condition.broadcast()
  }

  /// Waits until the sink has done everything.
  ///
  /// - Throws: The sink's error.
  func drain() throws {
    condition.lock()
    defer { condition.unlock() }
    while failure == nil, isBusy || !queue.isEmpty { condition.wait() }
    if let failure { throw failure }
  }

  /// Waits until the queue is empty, and lets go of the sink: a writer that was never finished
  /// removes its temporary file before the process can end.
  func stop() {
    condition.lock()
    defer { condition.unlock() }
    isStopped = true
    condition.broadcast()
    while sink != nil { condition.wait() }
  }

  private func run() {
    while let (work, byteCount) = next() {
      do {
        try perform(work)
        complete(byteCount, nil)
      } catch {
        complete(byteCount, error)
      }
    }
    condition.lock()
    defer { condition.unlock() }
    sink = nil
    condition.broadcast()
  }

  private func next() -> (Work, Int)? {
    condition.lock()
    defer { condition.unlock() }
    while queue.isEmpty, !isStopped { condition.wait() }
    guard !queue.isEmpty else { return nil }
    isBusy = true
    return queue.removeFirst()
  }

  private func complete(_ byteCount: Int, _ error: (any Error)?) {
    condition.lock()
    defer { condition.unlock() }
    isBusy = false
    pendingBytes -= byteCount
    if let error, failure == nil {
      failure = error
      queue.removeAll()
    }
    condition.broadcast()
  }

  private func perform(_ work: Work) throws {
    guard let sink = condition.withLock({ sink }) else { return }
    switch work {
    case .beginStep(let step): try sink.beginStep(step)
    case .part(let part): try sink.receive(part)
    case .endStep(let step, let calls, let completionOrder):
      try sink.endStep(step, calls: calls, completionOrder: completionOrder)
    case .discardStep(let step): try sink.discardStep(step)
    case .finish(let manifest): try sink.finish(manifest)
    }
  }
}
