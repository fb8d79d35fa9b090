import AssayCapture
import AssayRuns
import AssayTensors
import Foundation
import Synchronization
import Testing

/// How many times the usual work: `make tsan` asks for more.
private let stress = Int(ProcessInfo.processInfo.environment["ASSAY_STRESS"] ?? "") ?? 1

/// Takes events slowly, as a disk does that many share.
private final class SlowSink: RunSink {
  let inner = MemorySink()
  func receive(_ event: RunEvent) throws {
    Thread.sleep(forTimeInterval: 0.0005)
    try inner.receive(event)
  }
}

/// Takes nothing until it is opened.
private final class Gate: RunSink {
  private let semaphore = DispatchSemaphore(value: 0)
  let inner = MemorySink()

  func open() { semaphore.signal() }

  func receive(_ event: RunEvent) throws {
    if case .captured = event {
      semaphore.wait()
      semaphore.signal()
    }
    try inner.receive(event)
  }
}

/// What tasks have seen of a recording whose sink is shut.
private final class Seen: Sendable {
  let captured = Mutex(0)
  let isShut = Mutex(false)
}

/// Counts how often it is captured.
private struct Noted: Capturable, Sendable {
  var tensor: Tensor
  var note: @Sendable () -> Void

  var capturedValue: CapturedValue {
    note()
    return .tensor(tensor)
  }
}

@Suite struct ConcurrencyTests {
  /// What a sound recording of `count` calls of one module in one step looks like.
  private func check(_ sink: MemorySink, count: Int) {
    let calls = sink.calls() ?? []
    #expect(calls.map(\.index) == Array(0..<count))
    #expect(sink.parts.count == 2 * count)
    for side in [Slot.Side.inputs, .outputs] {
      let indices = sink.parts.filter { $0.side == side }.map(\.call.index)
      #expect(Set(indices) == Set(0..<count))
    }
    // Every call's tensors are its own.
    for part in sink.parts where part.side == .outputs {
      let input = sink.tensors("a", .inputs, call: part.call.index)["inputs_0"]?.float32Values()
      let output = sink.tensors("a", .outputs, call: part.call.index)["outputs"]?.float32Values()
      #expect(output == input?.map { -$0 })
    }
    guard case .end(0, _, let order)? = sink.events.dropLast().last else {
      Issue.record("the step does not end last")
      return
    }
    #expect(order.sorted() == Array(0..<count))
  }

  @Test(arguments: [1, 256 << 20]) func oneRecorderIsFedByThreads(_ limit: Int) throws {
    let sink = MemorySink()
    let recorder = Recorder(
      configuration: everyStep(), sink: sink, manifest: RunManifest(id: "run"),
      queueByteLimit: limit)
    let count = 100 * stress
    let failures = Mutex(0)
    try recorder.probe.step {
      DispatchQueue.concurrentPerform(iterations: count) { index in
        do {
          _ = try recorder.probe("a", try vector([Float(index)])) { x in
            try vector(x.float32Values().map { -$0 })
          }
        } catch { failures.withLock { $0 += 1 } }
      }
    }
    try recorder.finish()
    #expect(failures.withLock { $0 } == 0)
    check(sink, count: count)
  }

  @Test(arguments: [1, 256 << 20]) func oneRecorderIsFedByTasks(_ limit: Int) async throws {
    let sink = MemorySink()
    let recorder = Recorder(
      configuration: everyStep(), sink: sink, manifest: RunManifest(id: "run"),
      queueByteLimit: limit)
    let count = 100 * stress
    try await recorder.probe.step {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<count {
          group.addTask {
            _ = try await recorder.probe("a", try vector([Float(index)])) { x in
              await Task.yield()
              return try vector(x.float32Values().map { -$0 })
            }
          }
        }
        try await group.waitForAll()
      }
    }
    try recorder.finish()
    check(sink, count: count)
  }

  /// Threads, which wait for room, and tasks, which are suspended, share one full queue.
  @Test func slowSinkLosesNothing() async throws {
    let sink = SlowSink()
    let recorder = Recorder(
      configuration: everyStep(), sink: sink, manifest: RunManifest(id: "run"),
      queueByteLimit: 8)
    let count = 40 * stress
    try await recorder.probe.step {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<count {
          group.addTask {
            _ = try await recorder.probe("a", try vector([Float(index)])) { x async throws in
              try vector(x.float32Values().map { -$0 })
            }
          }
        }
        for index in count..<2 * count {
          group.addTask {
            typealias Done = CheckedContinuation<Void, any Error>
            try await withCheckedThrowingContinuation { (done: Done) in
              Thread.detachNewThread {
                done.resume(
                  with: Result {
                    _ = try recorder.probe("a", try vector([Float(index)])) { x in
                      try vector(x.float32Values().map { -$0 })
                    }
                  })
              }
            }
          }
        }
        try await group.waitForAll()
      }
    }
    try recorder.finish()
    check(sink.inner, count: 2 * count)
  }

  /// More tasks wait for room than the process has threads for tasks, and another one goes on.
  @Test func fullQueueSuspendsTasksAndHoldsNoThread() async throws {
    let gate = Gate()
    let recorder = Recorder(
      configuration: everyStep(), sink: gate, manifest: RunManifest(id: "run"), queueByteLimit: 1)
    let count = 2 * ProcessInfo.processInfo.activeProcessorCount + 2
    let seen = Seen()
    // Where the probes hold all threads, nobody else opens. Other tests may hold them for minutes.
    let wasAnswered = DispatchSemaphore(value: 0)
    let rescue = Thread {
      _ = wasAnswered.wait(timeout: .now() + 600)
      gate.open()
    }
    rescue.start()
    let x = try vector([1, 2])
    let probe = recorder.probe
    let y = Noted(tensor: x) { seen.captured.withLock { $0 += 1 } }
    try await probe.step {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<count { group.addTask { _ = try await probe("a", y) { y async in y.tensor } } }
        group.addTask {
          while seen.captured.withLock({ $0 }) < count { await Task.yield() }
          let isShut = gate.inner.parts.isEmpty
          seen.isShut.withLock { $0 = isShut }
          wasAnswered.signal()
        }
        try await group.waitForAll()
      }
    }
    try recorder.finish()
    #expect(seen.isShut.withLock { $0 })
    #expect(gate.inner.parts.count == 2 * count)
  }

  @Test func failingSinkEndsTheWaitOfTasks() async throws {
    let recorder = Recorder(
      configuration: everyStep(), sink: MemorySink(failsAfterParts: 3),
      manifest: RunManifest(id: "run"), queueByteLimit: 1)
    let x = try vector([1, 2])
    await #expect(throws: MemorySink.Broken.self) {
      try await recorder.probe.step {
        await withTaskGroup(of: Void.self) { group in
          for _ in 0..<20 {
            group.addTask { _ = try? await recorder.probe("a", x) { x async in x } }
          }
        }
      }
    }
    #expect(throws: MemorySink.Broken.self) { try recorder.finish() }
  }

  @Test func manyRecordersWriteAtOnce() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(component: "assay-capture-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let configuration = everyStep { $0.outputDirectory = folder }
    let count = 8 * stress
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<count {
        group.addTask {
          let recorder = try Recorder(
            configuration: configuration, manifest: RunManifest(id: "run-\(number)"))
          for step in 0..<3 {
            try await recorder.probe.step {
              _ = try await recorder.probe("a", try vector([Float(number), Float(step)])) {
                x async in x
              }
            }
          }
          try recorder.finish()
        }
      }
      try await group.waitForAll()
    }
    for number in 0..<count {
      for path in ["\(folder)/run-\(number)", "\(folder)/run-\(number)/run.h5"] {
        let run = try openRun(at: path)
        #expect(run.manifest.isComplete && run.manifest.id == "run-\(number)")
        for step in 0..<3 {
          let key = TensorKey(
            CallKey(step: step, module: "a", index: 0), device: .cpu, slot: Slot("inputs_0"))
          #expect(try run.tensor(key).float32Values() == [Float(number), Float(step)])
        }
      }
    }
  }

  /// Who comes second to a directory is refused, and what the first writes is untouched.
  @Test func twoRecordersOfOneDirectoryDoNotMix() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(component: "assay-capture-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for formats: [CaptureConfiguration.Format] in [[.pt], [.hdf5], [.pt, .hdf5]] {
      let id = "run-\(formats.count)-\(formats[0])"
      let configuration = everyStep {
        $0.outputDirectory = folder
        $0.formats = formats
      }
      let first = try Recorder(configuration: configuration, manifest: RunManifest(id: id))
      try first.probe.step { _ = try first.probe("a", try vector([1])) { $0 } }
      #expect(throws: RunError.self) {
        try Recorder(configuration: configuration, manifest: RunManifest(id: id))
      }
      try first.probe.step { _ = try first.probe("a", try vector([2])) { $0 } }
      try first.finish()
      #expect(throws: RunError.self) {
        try Recorder(configuration: configuration, manifest: RunManifest(id: id))
      }
      let run = try openRun(at: "\(folder)/\(id)")
      #expect(run.manifest.isComplete && run.steps.map(\.index) == [0, 1])
    }
  }
}
