package import Assay
package import AssayTesting
package import Foundation
import Synchronization

/// A folder of goldens and reports that lives as long as the value.
///
/// Whatever the tests themselves run under, such as CI, does not reach the replays in it.
package final class Playground: Sendable {
  /// The folder.
  package let path: String
  private let lines = Mutex<[String]>([])

  package init() throws {
    path =
      FileManager.default.temporaryDirectory.appending(path: "assay-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  package var goldens: String { path + "/Golden" }
  package var artifacts: String { path + "/artifacts" }

  /// What the replays printed, such as annotations.
  package var printed: [String] { lines.withLock { $0 } }

  /// Runs a closure in an environment of its own.
  package func run<Result>(
    _ variables: [String: String] = [:], _ body: () throws -> Result
  ) rethrows -> Result {
    try TestEnvironment.$current.withValue(environment(variables), operation: body)
  }

  /// The same for an asynchronous closure.
  package func run<Result>(
    _ variables: [String: String] = [:], isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Result
  ) async rethrows -> Result {
    try await TestEnvironment.$current.withValue(environment(variables), operation: body)
  }

  /// The environment of the playground's replays.
  package func environment(_ variables: [String: String]) -> TestEnvironment {
    let own = ["ASSAY_GOLDEN_DIR": goldens, "ASSAY_ARTIFACTS": artifacts]
    return TestEnvironment(variables: own.merging(variables) { $1 }) { [self] line in
      lines.withLock { $0.append(line) }
    }
  }

  /// Records a golden of a model, with nothing said about it.
  package func record(_ golden: String, _ model: ToyModel = ToyModel()) throws {
    do {
      try run {
        _ = try verifyReplay(golden, recipe: ToyModel.recipe, record: .all, model.run)
      }
    } catch ReplayTestError.recorded {}
    // Long ago, so that a rewriting shows whatever the resolution of the file system's clock.
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1_000_000_000)], ofItemAtPath: file(golden))
  }

  /// Makes a golden that another program recorded out of one that a test did.
  package func disown(_ golden: String, as provenance: Provenance?) throws {
    let (path, other) = (file(golden), file(golden) + ".other")
    let run = try openRun(at: path)
    var manifest = run.manifest
    manifest.provenance = provenance
    try copyRun(
      from: run, to: GoldenFile(path: other).writer(manifest: manifest), manifest: manifest)
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.moveItem(atPath: other, toPath: path)
  }

  /// The provenance of what PyTorch recorded.
  package static let pytorch: Provenance = {
    var provenance = Provenance(
      tool: "assay_torch", toolVersion: "0.1.0", created: "2026-01-01T00:00:00Z")
    provenance.framework = "pytorch"
    provenance.frameworkVersion = "2.13.0"
    return provenance
  }()

  /// The file of a golden.
  package func file(_ golden: String) -> String { "\(goldens)/\(golden).h5" }

  /// Every file below the goldens' folder.
  package var goldenFiles: [String] {
    ((try? FileManager.default.subpathsOfDirectory(atPath: goldens)) ?? [])
      .filter { !isDirectory("\(goldens)/\($0)") }.sorted()
  }

  /// Every file below the reports' folder.
  package var reports: [String] {
    ((try? FileManager.default.subpathsOfDirectory(atPath: artifacts)) ?? [])
      .filter { !isDirectory("\(artifacts)/\($0)") }.sorted()
  }

  private func isDirectory(_ path: String) -> Bool {
    var result: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &result) && result.boolValue
  }
}

/// What a file is, so that a rewriting of it shows.
package struct FileState: Equatable {
  package let bytes: Data?
  package let modified: Date?

  package init(_ path: String) {
    bytes = FileManager.default.contents(atPath: path)
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    modified = attributes?[.modificationDate] as? Date
  }
}
