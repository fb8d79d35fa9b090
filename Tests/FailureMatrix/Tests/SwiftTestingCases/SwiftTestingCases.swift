import Assay
import AssayTesting
import Scaling
import Testing

// The name of a golden names its case; run.sh looks for each in the output.

@Test func plainReplay() throws {
  try assertReplay("st-replay") { try replay($0) }
}

@Test func isolatedReplay() throws {
  try assertReplay("st-isolated", isolated: true) { try replay($0) }
}

@Test func asyncReplay() async throws {
  try await assertReplay("st-async") { probe in
    await Task.yield()
    try replay(probe)
  }
}

@Test func module() throws {
  try assertModule("st-module", matching: "^double$") { try scaled($0[0]) }
}

@Test func throwingModel() throws {
  try assertReplay("st-throwing") { _ in throw ModelError() }
}

@Test func detachedReplay() async throws {
  try await Task.detached {
    try assertReplay("st-detached-replay") { try replay($0) }
  }.value
}

@Test func detachedModule() async throws {
  try await Task.detached {
    try assertModule("st-detached-module", matching: "^double$") { try scaled($0[0]) }
  }.value
}

@Test func detachedThrowingModel() async throws {
  try await Task.detached {
    try assertReplay("st-detached-throwing") { _ in throw ModelError() }
  }.value
}

@Test func queueReplay() throws {
  onQueue { try assertReplay("st-queue-replay") { try replay($0) } }
}

@Test func queueModule() throws {
  onQueue { try assertModule("st-queue-module", matching: "^double$") { try scaled($0[0]) } }
}
