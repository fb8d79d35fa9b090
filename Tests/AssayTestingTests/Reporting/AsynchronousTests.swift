import Assay
import AssayTesting
import AssayTestingSupport
import Foundation
import Testing

/// The asynchronous forms, and failures outside of the test's own task.
@Suite struct AsynchronousTests {
  private static let wrong = ToyModel.with { $0.factor = 4 }

  @Test func bothFormsAgree() async throws {
    let playground = try Playground()
    try playground.record("toy")
    let model = ToyModel()
    let texts = try await playground.run {
      try await failures {
        try await assertReplay("toy") { probe in
          await Task.yield()
          try model.run(probe)
        }
        try await assertReplay("toy") { probe in
          await Task.yield()
          try Self.wrong.run(probe)
        }
      }
    }
    #expect(texts.count == 1 && texts[0].contains("second in step 0"))
    let comparison = try await playground.run {
      try await verifyReplay("toy") { probe in
        await Task.yield()
        try model.run(probe)
      }
    }
    #expect(comparison.isMatch)
  }

  @MainActor final class Holder {
    var model = ToyModel()
  }

  @Test @MainActor func aModelMayBelongToAnActor() async throws {
    let playground = try Playground()
    try playground.record("toy")
    let holder = Holder()
    try await playground.run {
      try await assertReplay("toy") { probe in
        await Task.yield()
        try holder.model.run(probe)
        holder.model.factor = 4
      }
    }
    let comparison = try await playground.run {
      try await verifyReplay("toy") { probe in
        await Task.yield()
        try holder.model.run(probe)
      }
    }
    #expect(!comparison.isMatch)
  }

  // A failure in a detached task belongs to no test, so that only a process of its own can show it.

  @Test func aDetachedTasksFailureFailsTheRun() async {
    await withKnownIssue {
      await #expect(processExitsWith: .failure) {
        await Task.detached { await replayWrongModel() }.value
      }
    } matching: {
      $0.comments.contains { $0.rawValue.contains("second in step 0") }
    }
  }

  @Test func aQueuesFailureFailsTheRun() async {
    await withKnownIssue {
      await #expect(processExitsWith: .failure) {
        await withCheckedContinuation { continuation in
          DispatchQueue.global().async {
            Task.detached {
              await replayWrongModel()
              continuation.resume()
            }
          }
        }
      }
    } matching: {
      $0.comments.contains { $0.rawValue.contains("second in step 0") }
    }
  }

  @Test func aReplayThatNobodyWaitsForFailsTheRun() async {
    await #expect(processExitsWith: .failure) {
      await replaySoundModel(isWaitedFor: false)
    }
    await #expect(processExitsWith: .success) {
      await replaySoundModel(isWaitedFor: true)
    }
  }
}

/// Replays a sound model in a detached task that is under way, or over, when the function returns.
private func replaySoundModel(isWaitedFor: Bool) async {
  let (started, start) = AsyncStream<Void>.makeStream()
  let task = Task.detached {
    do {
      let playground = try Playground()
      try playground.record("toy")
      try await playground.run {
        try await assertReplay("toy") { probe in
          if !isWaitedFor {
            // The process ends before the playground could clean up behind itself.
            try FileManager.default.removeItem(atPath: playground.path)
            start.finish()
            try await Task.sleep(for: .seconds(3600))
          }
          start.finish()
          try ToyModel().run(probe)
        }
      }
    } catch {
      Issue.record(error)
    }
  }
  for await _ in started {}
  if isWaitedFor { await task.value }
}

/// Fails on a golden of another model.
private func replayWrongModel() async {
  do {
    let playground = try Playground()
    try playground.record("toy")
    try playground.run { try assertReplay("toy") { try ToyModel.with { $0.factor = 4 }.run($0) } }
  } catch {
    Issue.record(error)
  }
}
