import AssayBase
package import AssayRuns
import AssayTensors
import Foundation

/// A golden's place on disk, whether the golden is there yet or not.
package struct GoldenFile: Hashable, Sendable {
  /// The path of the HDF5 file, or of a fixture, which only others write.
  package let path: String

  /// Names a golden.
  package init(path: String) {
    self.path = path
  }

  /// Whether anything is there, readable or not, or is kept elsewhere and was not fetched.
  package var exists: Bool {
    (try? FileManager.default.attributesOfItem(atPath: path)) != nil || StandIn(at: path) != nil
  }

  /// Opens the golden.
  ///
  /// - Throws: ``AssayRuns/RunError``: nothing is there, or it is no run, or it is damaged.
  package func open() throws -> any RunReader {
    isFixture ? try FixtureRunReader(path: path) : try HDF5RunReader(path: path)
  }

  /// Whether it is a file of chosen tensors, which Assay reads and does not write.
  private var isFixture: Bool { FixtureRunReader.isFixture(path) }

  /// The golden of a name: its HDF5 file, unless only a fixture of that name is there.
  ///
  /// - Parameter base: The path without its ending.
  /// - Throws: ``ReplayError/severalGoldens(paths:)``.
  package static func named(_ base: String) throws(ReplayError) -> GoldenFile {
    let files = endings.map { GoldenFile(path: base + $0) }
    let found = files.filter(\.exists)
    guard found.count < 2 else { throw .severalGoldens(paths: found.map(\.path)) }
    return found.first ?? files[0]
  }

  /// What the file of a golden ends in; the first is what is recorded.
  package static let endings = [".h5", ".safetensors", ".npz"]

  /// Makes sure that a golden may be written here: not over a fixture, nor beside one of its name.
  ///
  /// - Throws: ``ReplayError/fixtureGolden(path:)``, ``ReplayError/severalGoldens(paths:)``.
  package func checkWritable() throws(ReplayError) {
    guard !isFixture else { throw .fixtureGolden(path: path) }
    guard path.hasSuffix(Self.endings[0]) else { return }
    let base = path.dropLast(Self.endings[0].count)
    let fixtures = Self.endings.dropFirst().map { base + $0 }
      .filter { GoldenFile(path: $0).exists }
    guard fixtures.isEmpty else { throw .severalGoldens(paths: [path] + fixtures) }
  }

  /// Makes a writer whose run takes the golden's place, by rename, when it is finished.
  ///
  /// - Parameter manifest: What the run says about itself so far.
  /// - Throws: ``AssayRuns/RunError`` when the file cannot be made, and what ``checkWritable()``
  ///   throws.
  package func writer(manifest: RunManifest) throws -> HDF5RunWriter {
    try checkWritable()
    return try HDF5RunWriter(path: path, mode: .golden, manifest: manifest)
  }

  /// Puts a run in the golden's place, whole or not at all.
  ///
  /// The approvals of the golden that it replaces are kept, and so is its recipe where the run has
  /// none. Until the last byte is on the disk, and for every error, the golden stays as it is.
  ///
  /// - Parameters:
  ///   - candidate: A complete run, in either layout.
  ///   - approval: Who approves it and why; its ids are filled in.
  ///   - progress: Called with the number of tensors written and their total.
  /// - Throws: ``ReplayError`` for a run that cannot be a golden, ``AssayRuns/RunError`` for one
  ///   that cannot be read, for a golden whose approvals cannot be read, and for a full disk.
  package func approve(
    _ candidate: any RunReader, approval: Approval, progress: ((Int, Int) -> Void)? = nil
  ) throws {
    guard candidate.manifest.isComplete else {
      throw ReplayError.incompleteCandidate(path: candidate.path, steps: candidate.steps.count)
    }
    guard candidate.steps.contains(where: \.hasComparableTensor) else {
      throw ReplayError.emptyCandidate(path: candidate.path)
    }
    guard !isSameFile(as: candidate.path) else {
      throw ReplayError.candidateIsGolden(path: candidate.path)
    }
    let golden = exists ? try open().manifest : nil
    var manifest = candidate.manifest
    if let checkpoint = manifest.recipe?.checkpointPath(relativeTo: candidate.path) {
      manifest.recipe?.model = Recipe.modelReference(toCheckpoint: checkpoint, from: path)
    }
    manifest = manifest.approved(by: approval, replacing: golden)
    try copyRun(
      from: candidate, to: writer(manifest: manifest), manifest: manifest, progress: progress)
  }

  private func isSameFile(as other: String) -> Bool {
    func resolved(_ path: String) -> String {
      URL(filePath: path).standardizedFileURL.resolvingSymlinksInPath().path
    }
    return resolved(path).isSame(as: resolved(other))
  }
}

extension StepRecord {
  fileprivate var hasComparableTensor: Bool {
    calls.contains { $0.tensors.contains(where: \.isComparable) }
  }
}
