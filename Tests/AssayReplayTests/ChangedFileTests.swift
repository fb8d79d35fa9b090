import AssayBase
import AssayCapture
import AssayComparison
import AssayReplay
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// A run on disk, to which somebody writes once one of its tensors is asked for.
private struct ChangingRun: RunReader {
  let run: any RunReader
  let change: @Sendable () throws -> Void

  var path: String { run.path }
  var manifest: RunManifest { run.manifest }
  var steps: [StepRecord] { run.steps }
  func byteCount(of key: TensorKey) -> Int? { run.byteCount(of: key) }

  func tensor(_ key: TensorKey) throws -> Tensor {
    let tensor = try run.tensor(key)
    try change()
    return tensor
  }
}

/// A file that changes while it is read is read of no one state, and never green.
@Suite struct ChangedFileTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// Writes the first byte of a file anew, with what it was.
  private func touch(_ path: String) throws {
    let file = try FileHandle(forUpdating: URL(filePath: path))
    defer { try? file.close() }
    let byte = try #require(try file.read(upToCount: 1))
    try file.seek(toOffset: 0)
    try file.write(contentsOf: byte)
  }

  /// Makes a file old, so that a write shows whatever the resolution of the clock.
  private func age(_ path: String) throws {
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1_000_000_000)], ofItemAtPath: path)
  }

  /// A golden of one tensor: read where it is small, mapped where it is large.
  private func golden(_ name: String, elementCount: Int) throws -> any RunReader {
    let reader = try recordGolden(in: directory, name: name) { probe in
      let x = try Tensor([Float](repeating: 1, count: elementCount), dtype: .float32)
      try probe.step { _ = try probe("a", x) { _ in } }
    }
    try age(reader.path)
    return try openRun(at: reader.path)
  }

  @Test(arguments: [3, 10_000_000]) func changedGoldenIsUnreadable(_ count: Int) throws {
    let (actual, expected) = (
      try golden("actual", elementCount: count), try golden("golden", elementCount: count)
    )
    let still = try RunComparison.compare(
      actual: actual, expected: expected, options: ComparisonOptions())
    #expect(still.isMatch)
    // Before its tensor is read, or after, while it is compared.
    let path = expected.path
    let changing = ChangingRun(run: expected) { try touch(path) }
    let changed = try RunComparison.compare(
      actual: actual, expected: changing, options: ComparisonOptions())
    let isMapped = count > 3
    #expect(changed.isMatch == !isMapped)
    let later = try RunComparison.compare(
      actual: actual, expected: expected, options: ComparisonOptions())
    #expect(!later.isMatch && later.summary.tensors.unreadable == 1)
    let reason = later.steps[0].modules[0].tensors[0].reason
    #expect(reason?.contains("it has changed while it was read") == true)
    // Who opens it now finds it at rest.
    let anew = try RunComparison.compare(
      actual: actual, expected: openRun(at: path), options: ComparisonOptions())
    #expect(anew.isMatch)
  }

  @Test func changedCandidateIsNotApproved() throws {
    let candidate = try golden("candidate", elementCount: 10_000_000)
    let old = try golden("golden", elementCount: 3)
    let before = FileManager.default.contents(atPath: old.path)
    let path = candidate.path
    #expect(throws: FileError.self) {
      try GoldenFile(path: old.path).approve(
        ChangingRun(run: candidate) { try touch(path) }, approval: Approval(by: "a test", to: ""))
    }
    #expect(FileManager.default.contents(atPath: old.path) == before)
    #expect(directory.names == ["candidate.h5", "golden.h5"])
  }

  @Test func replacedGoldenStaysWhatItWas() throws {
    let (actual, expected) = (
      try golden("actual", elementCount: 10_000_000), try golden("golden", elementCount: 10_000_000)
    )
    let other = try golden("other", elementCount: 3)
    let (path, otherPath) = (expected.path, other.path)
    let changing = ChangingRun(run: expected) { try? FileSystem.rename(otherPath, to: path) }
    let comparison = try RunComparison.compare(
      actual: actual, expected: changing, options: ComparisonOptions())
    #expect(comparison.isMatch)
    #expect(try openRun(at: path).byteCount(of: expected.steps[0].calls[0].tensors[0].key) == 12)
  }

  @Test func goldenThatCameToBeMeanwhileStays() throws {
    let path = directory.path + "/new.h5"
    let run = try golden("run", elementCount: 3)
    let writer = try HDF5RunWriter(path: path, mode: .newGolden, manifest: run.manifest)
    try Data("another's".utf8).write(to: URL(filePath: path))
    #expect(throws: RunError.alreadyExists(path: path)) { try copyRun(from: run, to: writer) }
    #expect(FileManager.default.contents(atPath: path) == Data("another's".utf8))
    #expect(directory.names == ["new.h5", "run.h5"])
    try FileManager.default.removeItem(atPath: path)
    try copyRun(
      from: run, to: HDF5RunWriter(path: path, mode: .newGolden, manifest: run.manifest))
    #expect(try openRun(at: path).manifest.isComplete)
    #expect(directory.names == ["new.h5", "run.h5"])
  }
}
