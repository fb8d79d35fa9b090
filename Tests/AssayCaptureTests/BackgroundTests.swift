import AssayCapture
import AssayRuns
import AssayTensors
import Foundation
import Synchronization
import Testing

/// Counts how many values were asked for and are not written yet.
private final class Balance: Sendable {
  private let counts = Mutex((produced: 0, written: 0, peak: 0))

  func produce() { counts.withLock { $0.produced += 1 } }

  func write() {
    counts.withLock {
      $0.peak = max($0.peak, $0.produced - $0.written)
      $0.written += 1
    }
  }

  var peak: Int { counts.withLock { $0.peak } }
  var written: Int { counts.withLock { $0.written } }
}

private struct Counted: Capturable {
  var tensor: Tensor
  var balance: Balance

  var capturedValue: CapturedValue {
    balance.produce()
    return .tensor(tensor)
  }
}

private final class CountingSink: RunSink {
  let balance: Balance
  init(_ balance: Balance) { self.balance = balance }
  func receive(_ event: RunEvent) {
    if case .captured = event { balance.write() }
  }
}

/// Waits at a step's beginning until it is let go, while a model fills the queue.
private final class WaitingSink: RunSink {
  let inner: MemorySink
  let isFilled = DispatchSemaphore(value: 0)
  init(_ inner: MemorySink) { self.inner = inner }
  func receive(_ event: RunEvent) throws {
    if case .stepBegan = event { isFilled.wait() }
    try inner.receive(event)
  }
}

@Suite struct BackgroundTests {
  @Test func fullQueueBlocksAndDropsNothing() throws {
    let balance = Balance()
    let recorder = Recorder(
      configuration: everyStep(), sink: CountingSink(balance), manifest: RunManifest(id: "run"),
      queueByteLimit: 1)
    let value = Counted(tensor: try vector([1, 2, 3, 4]), balance: balance)
    try recorder.probe.step {
      for _ in 0..<200 { _ = try recorder.probe("a", value) { $0 } }
    }
    // One part is being written, one more waits for room.
    #expect(balance.peak <= 2)
    #expect(balance.written == 400)
    try recorder.finish()
  }

  /// All that waits is taken at once, and still comes in order, up to an error and no further.
  @Test(arguments: [nil, 1234]) func whatWaitedComesInOrder(_ limit: Int?) throws {
    let sink = MemorySink(failsAfterParts: limit)
    let waiting = WaitingSink(sink)
    let recorder = Recorder(
      configuration: everyStep(), sink: waiting, manifest: RunManifest(id: "run"))
    let x = try vector([1])
    let record = {
      try recorder.probe.step {
        for _ in 0..<2000 { _ = try recorder.probe("a", x) { $0 } }
        waiting.isFilled.signal()
      }
    }
    if limit == nil {
      try record()
      try recorder.finish()
    } else {
      #expect(throws: MemorySink.Broken.self) { try record() }
    }
    #expect(sink.parts.count == limit ?? 4000)
    let expected = (0..<2000).flatMap { [$0, $0] }.prefix(limit ?? 4000)
    #expect(sink.parts.map(\.call.index) == Array(expected))
  }

  @Test func stepEndWaitsForTheSink() throws {
    let sink = MemorySink()
    let recorder = Recorder(
      configuration: everyStep(), sink: sink, manifest: RunManifest(id: "run"))
    let x = try vector([1])
    for step in 0..<20 {
      try recorder.probe.step { _ = try recorder.probe("a", x) { $0 } }
      #expect(sink.calls(step: step) != nil)
    }
    try recorder.finish()
  }

  @Test func failingSinkFailsTheRecording() throws {
    let sink = MemorySink(failsAfterParts: 3)
    let recorder = Recorder(
      configuration: everyStep(), sink: sink, manifest: RunManifest(id: "run"))
    let x = try vector([1])
    try recorder.probe.step { _ = try recorder.probe("a", x) { $0 } }
    #expect(throws: MemorySink.Broken.self) {
      try recorder.probe.step { _ = try recorder.probe("a", x) { $0 } }
    }
    #expect(throws: MemorySink.Broken.self) { try recorder.probe.step {} }
    #expect(throws: MemorySink.Broken.self) { try recorder.finish() }
    #expect(sink.calls(step: 0) != nil && sink.calls(step: 1) == nil)
    #expect(!sink.events.contains(.finish(isComplete: true)))
    #expect(!recorder.manifest.isComplete)
  }

  @Test func recorderThatIsLetGoStopsItsThread() throws {
    weak var released: MemorySink?
    do {
      let sink = MemorySink()
      released = sink
      _ = Recorder(configuration: everyStep(), sink: sink, manifest: RunManifest(id: "run"))
    }
    for _ in 0..<20_000 where released != nil { Thread.sleep(forTimeInterval: 0.001) }
    #expect(released == nil)
  }
}
