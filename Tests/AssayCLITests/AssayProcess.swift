import Foundation
import Testing

/// Runs the built `assay` binary, as a user would.
enum AssayProcess {
  struct Outcome {
    var status: Int32
    var stdout: String
    var stderr: String
  }

  /// The package's root: the folder that holds `Package.swift`.
  static let packageRoot = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The folder of the test binary, where the package manager puts executables as well.
  static var binaryFolder: URL {
    get throws {
      var folder = URL(filePath: try #require(ProcessInfo.processInfo.arguments.first))
      while folder.path != "/" {
        folder.deleteLastPathComponent()
        let candidate = folder.appending(path: "assay")
        if FileManager.default.isExecutableFile(atPath: candidate.path) { return folder }
      }
      throw CocoaError(.fileNoSuchFile)
    }
  }

  /// Runs `assay` with arguments.
  static func run(
    _ arguments: [String], in folder: URL = packageRoot, environment: [String: String] = [:]
  ) throws -> Outcome {
    try run(
      executable: binaryFolder.appending(path: "assay"), arguments, in: folder,
      environment: environment)
  }

  /// Runs a shell line in which `assay` is the built binary.
  static func shell(
    _ line: String, in folder: URL = packageRoot, environment: [String: String] = [:],
    standardInput: FileHandle = .nullDevice
  ) throws -> Outcome {
    var environment = environment
    environment["PATH"] = try binaryFolder.path + ":/usr/bin:/bin"
    return try run(
      executable: URL(filePath: "/bin/sh"), ["-c", line], in: folder, environment: environment,
      standardInput: standardInput)
  }

  /// The variables of the tests themselves, less those that change what `assay` does.
  private static var neutralEnvironment: [String: String] {
    ProcessInfo.processInfo.environment.filter { name, _ in
      name != "CI" && !name.hasPrefix("GITHUB_") && !name.hasPrefix("ASSAY_")
    }
  }

  private static func run(
    executable: URL, _ arguments: [String], in folder: URL, environment: [String: String],
    standardInput: FileHandle = .nullDevice
  ) throws -> Outcome {
    // Files, not pipes: a full pipe that nobody reads would block the process.
    let scratch = try TemporaryFolder()
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = neutralEnvironment.merging(environment) { $1 }
    let (out, err) = (scratch.url.appending(path: "out"), scratch.url.appending(path: "err"))
    try Data().write(to: out)
    try Data().write(to: err)
    process.standardInput = standardInput
    process.standardOutput = try FileHandle(forWritingTo: out)
    process.standardError = try FileHandle(forWritingTo: err)
    try process.run()
    process.waitUntilExit()
    return Outcome(
      // A crash must never pass for an exit status.
      status: process.terminationReason == .exit
        ? process.terminationStatus : -process.terminationStatus,
      stdout: String(decoding: try Data(contentsOf: out), as: UTF8.self),
      stderr: String(decoding: try Data(contentsOf: err), as: UTF8.self))
  }
}

/// A folder of its own that goes when its owner goes.
final class TemporaryFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "assay-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
  }

  /// The path of a name inside the folder.
  func path(_ name: String) -> String { url.appending(path: name).path }
}
