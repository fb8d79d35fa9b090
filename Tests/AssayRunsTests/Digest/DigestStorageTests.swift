import AssayBase
import AssayHDF5
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

@testable import AssayRuns

/// Runs of digests in both layouts.
@Suite struct DigestStorageTests {
  private let folder: HDF5TemporaryFolder

  init() throws { folder = try HDF5TemporaryFolder() }

  /// A run that holds every fixture, each in two modules.
  private func run() throws -> InMemoryRun {
    var run = InMemoryRun(path: "memory", id: "a")
    for (index, tensor) in try DigestTensors.all().enumerated() {
      for module in ["first", "second"] {
        run.add(tensor, module, "outputs_\(index)")
      }
    }
    return run
  }

  private func digests(_ reader: any RunReader) -> [TensorKey: SkippedTensor] {
    Dictionary(
      uniqueKeysWithValues: reader.steps.flatMap(\.calls).flatMap(\.tensors).compactMap { record in
        record.skipped.map { (record.key, $0) }
      })
  }

  @Test(arguments: [TensorKeep.digest, .sample])
  func bothLayoutsKeepEveryDigest(_ keep: TensorKeep) throws {
    let run = try run()
    let (file, directory, back) = (
      folder.path("run.h5"), folder.path("run"), folder.path("back.h5")
    )
    let manifest = RunManifest(id: "a", isComplete: true)
    try copyRun(
      from: run, to: HDF5RunWriter(path: file, mode: .golden, manifest: manifest), keep: keep)
    let first = try HDF5RunReader(path: file)
    try copyRun(
      from: first, to: DirectoryRunWriter(path: directory, manifest: manifest))
    let second = try DirectoryRunReader(path: directory)
    try copyRun(
      from: second, to: HDF5RunWriter(path: back, mode: .golden, manifest: manifest))
    let kept = digests(first)
    #expect(kept.count == 28)
    #expect(first.digestCount == 28)
    for (key, note) in kept {
      let tensor = try run.tensor(key)
      #expect(note.digest == TensorDigest(of: tensor, withSample: keep == .sample))
      #expect(note.shape == tensor.shape && note.dtype == tensor.dtype)
    }
    #expect(digests(second) == kept)
    #expect(digests(try HDF5RunReader(path: back)) == kept)
    #expect(
      try Data(contentsOf: URL(filePath: file)) == Data(contentsOf: URL(filePath: back)))
  }

  @Test func equalTensorsAreOneDataset() throws {
    func size(step: Int) throws -> Int {
      var run = InMemoryRun(path: "memory", id: "a")
      for module in 0..<40 {
        let values = (0..<5000).map { Float($0 + step * module) }
        run.add(try Tensor(values, dtype: .float32), "m\(module)", "outputs")
      }
      let path = folder.path("\(step).h5")
      try copyRun(
        from: run, to: HDF5RunWriter(path: path, mode: .golden, manifest: run.manifest),
        keep: .digest)
      return try Data(contentsOf: URL(filePath: path)).count
    }
    let (one, forty) = (try size(step: 0), try size(step: 1))
    // A projection alone takes 512 bytes.
    #expect(forty - one > 39 * 512)
    #expect(forty < 100_000)
  }

  @Test func aDigestThatCannotBeReadIsUnreadableAndNoMore() throws {
    let path = folder.path("run.h5")
    let tensor = try Tensor((0..<300).map(Float.init), dtype: .float32)
    var run = InMemoryRun(path: "memory", id: "a")
    run.add(tensor, "m", "outputs_0")
    run.add(try Tensor([Float(1)], dtype: .float32), "m", "outputs_1")
    try copyRun(
      from: run, to: HDF5RunWriter(path: path, mode: .recording, manifest: run.manifest),
      keep: .digest)
    var data = try Data(contentsOf: URL(filePath: path))
    // The earliest format has no checksums: the count of elements becomes another one.
    let place = try #require(data.range(of: Data("\"count\":300".utf8)))
    data.replaceSubrange(place, with: Data("\"count\":301".utf8))
    try data.write(to: URL(filePath: path))
    let reader = try HDF5RunReader(path: path)
    let records = try #require(reader.steps.first?.calls.first?.tensors)
    #expect(records.allSatisfy { $0.skipped == nil })
    let error = #expect(throws: RunError.self) { try reader.tensor(records[0].key) }
    #expect(error?.description.contains("301 elements") == true)
    #expect(try reader.tensor(records[1].key).float32Values() == [1])
  }

  @Test func aNoteWithABadDigestIsDamage() throws {
    let path = folder.path("run")
    var run = InMemoryRun(path: "memory", id: "a")
    run.add(try Tensor((0..<300).map(Float.init), dtype: .float32), "m", "outputs")
    try copyRun(
      from: run, to: DirectoryRunWriter(path: path, manifest: run.manifest), keep: .digest)
    let note = URL(filePath: path + "/step_0/m/outputs_cpu.json")
    let text = try String(contentsOf: note, encoding: .utf8)
    try text.replacing("\"version\":1", with: "\"version\":7")
      .write(to: note, atomically: true, encoding: .utf8)
    let error = #expect(throws: RunError.self) { try DirectoryRunReader(path: path) }
    #expect(error?.description.contains("version 7") == true)
  }
}
