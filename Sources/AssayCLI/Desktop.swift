import AssayBase
import Foundation

/// The desktop that the program runs on, if it does.
enum Desktop {
  /// Writes a page to a temporary file and opens it in the browser, or says where it is.
  ///
  /// The file stays, for the browser reads it later.
  static func open(page: Data) throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(component: "assay-\(UUID().uuidString.lowercased())").path
    // What a model computed is nobody else's business.
    guard mkdir(folder, 0o700) == 0 else {
      throw FileError.unwritable(path: folder, reason: String(cString: strerror(errno)))
    }
    let file = folder + "/report.html"
    try TextOutput.replace(file, with: page)
    let environment = ProcessInfo.processInfo.environment
    #if os(macOS)
    let (opener, isThere) = ("open", environment["SSH_CONNECTION"] == nil)
    #else
    let opener = "xdg-open"
    let isThere = ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"].contains {
      environment[$0]?.isEmpty == false
    }
    #endif
    guard isThere else {
      return Console.complain("no desktop to open it on: the report's page is \(file)")
    }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [opener, file]
    // Standard output is the report's.
    process.standardOutput = FileHandle.standardError
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      return Console.complain("\(opener) could not open it: the report's page is \(file)")
    }
  }
}
