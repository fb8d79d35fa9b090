import Assay
import Foundation

/// The file that holds the whole report of one assertion, for a CI job to keep.
struct ReportFile: Sendable {
  /// The file's name.
  let name: String
  /// The file; `nil` where no folder is known for it.
  let path: String?

  init(golden: String, site: TestSite) {
    let parts = golden.split(separator: "/")
    let name = "\(parts.last ?? "golden").\(site.fileName).md"
    self.name = name
    let location = try? GoldenLocation(
      file: "\(site.filePath)", environment: TestEnvironment.current)
    path = location.map { location in
      ([Substring(location.artifacts)] + parts.dropLast() + [Substring(name)])
        .joined(separator: "/")
    }
  }

  /// Writes the report in place of that of an earlier run.
  func write(_ markdown: String) throws {
    guard let path else { return }
    try FileSystem.makeDirectory(
      (path as NSString).deletingLastPathComponent, withParents: true)
    try WholeFile.replace(path, with: Data(markdown.utf8))
  }

  /// Removes the report of an earlier run, which would tell of a failure that is no more.
  func remove() {
    if let path { try? FileManager.default.removeItem(atPath: path) }
  }
}
