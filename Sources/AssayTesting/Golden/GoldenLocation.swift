import Assay
import Foundation

/// Where the goldens and the reports of a test are.
struct GoldenLocation: Sendable {
  /// The folder of the goldens.
  let goldens: String
  /// The folder of the reports.
  let artifacts: String

  /// Finds the folders by the environment, else above the test's file, else among its resources.
  ///
  /// - Parameter resources: Where the goldens are on a device, which has no checkout.
  /// - Throws: ``ReplayTestError/noPackage(file:)``.
  init(
    file: String, environment: TestEnvironment, resources: URL? = AssayScope.current.goldens
  ) throws(ReplayTestError) {
    let given = (environment["ASSAY_GOLDEN_DIR"], environment["ASSAY_ARTIFACTS"])
    let root = Self.package(of: file)
    guard
      let goldens = given.0 ?? root.map({ $0 + "/Golden" })
        ?? resources?.path(percentEncoded: false)
    else { throw .noPackage(file: file) }
    self.goldens = goldens
    // On a device, the current directory cannot be written to.
    let base =
      root
      ?? (resources == nil
        ? FileManager.default.currentDirectoryPath : FileManager.default.temporaryDirectory.path)
    artifacts = given.1 ?? base + "/.build/assay"
  }

  /// The golden's file: an `.h5`, unless only a fixture of that name is there.
  ///
  /// - Throws: `ReplayError` where several are there.
  func file(of name: GoldenName) throws -> GoldenFile {
    try GoldenFile.named("\(goldens)/\(name.text)")
  }

  /// The rules that hold for the goldens of one folder.
  func tolerances(for name: GoldenName) -> String? {
    let folder = URL(filePath: "\(goldens)/\(name.text)").deletingLastPathComponent()
    let path = folder.appending(path: "tolerances.yml").path(percentEncoded: false)
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }

  /// The names of other goldens that one was perhaps meant for.
  func names(near name: GoldenName) -> [String] {
    guard let files = FileManager.default.enumerator(atPath: goldens) else { return [] }
    // A folder of goldens may hold checkpoints and dumps of any size.
    let names = files.prefix(100_000).compactMap { file in
      (file as? String).flatMap { file in
        GoldenFile.endings.first(where: file.hasSuffix).map { String(file.dropLast($0.count)) }
      }
    }
    return NearNames.of(name.text, among: names.filter { $0 != name.text })
  }

  /// The folder above a source file that has a `Package.swift`.
  private static func package(of file: String) -> String? {
    var folder = URL(filePath: file).deletingLastPathComponent().standardizedFileURL
    while true {
      let manifest = folder.appending(path: "Package.swift").path(percentEncoded: false)
      if FileManager.default.fileExists(atPath: manifest) {
        let path = folder.path(percentEncoded: false)
        return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
      }
      let parent = folder.deletingLastPathComponent().standardizedFileURL
      guard parent != folder, folder.pathComponents.count > 1 else { return nil }
      folder = parent
    }
  }
}
