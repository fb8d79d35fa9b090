import Foundation

/// The texts that a reader of the package finds: the README, the pages and the articles.
enum DocumentationPages {
  /// Their paths from the package's root.
  static func all() throws -> [String] {
    let manager = FileManager.default
    let root = AssayProcess.packageRoot
    var folders = ["Documentation"]
    for target in try manager.contentsOfDirectory(atPath: root.appending(path: "Sources").path) {
      let catalog = "Sources/\(target)/\(target).docc"
      if manager.fileExists(atPath: root.appending(path: catalog).path) { folders.append(catalog) }
    }
    let pages = try folders.flatMap { folder in
      try manager.contentsOfDirectory(atPath: root.appending(path: folder).path)
        .filter { $0.hasSuffix(".md") }.map { "\(folder)/\($0)" }
    }
    return (["README.md", "CONTRIBUTING.md"] + pages).sorted()
  }

  /// The lines of a page.
  static func lines(of page: String) throws -> [String] {
    try String(contentsOf: AssayProcess.packageRoot.appending(path: page), encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }
}
