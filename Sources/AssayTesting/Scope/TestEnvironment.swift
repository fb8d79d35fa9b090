import Foundation

/// What tests read of their process; tests of ours put another one in its place.
package struct TestEnvironment: Sendable {
  /// The environment variables.
  package var variables: [String: String]
  /// Prints one line to standard output.
  package var printLine: @Sendable (String) -> Void

  /// Makes an environment.
  package init(
    variables: [String: String], printLine: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.variables = variables
    self.printLine = printLine
  }

  /// The environment of the task; the process's own unless a test of ours says otherwise.
  @TaskLocal package static var current = TestEnvironment(
    variables: ProcessInfo.processInfo.environment
  ) { line in
    // In one piece: lines of parallel tests must not be mixed.
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
  }

  /// A variable's value; one that is set to nothing counts as not set.
  subscript(_ name: String) -> String? {
    variables[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Whether the tests run under continuous integration.
  var isCI: Bool { self["CI"].map { ["true", "1"].contains($0.lowercased()) } ?? false }

  /// Whether the tests run as a step of a GitHub workflow.
  var isGitHubActions: Bool { self["GITHUB_ACTIONS"]?.lowercased() == "true" }

  /// A file as GitHub's annotations name it: relative to the repository where it lies in it.
  func pathInRepository(of file: String) -> String {
    guard let root = self["GITHUB_WORKSPACE"], file.hasPrefix(root + "/") else { return file }
    return String(file.dropFirst(root.count + 1))
  }
}
