import Foundation

/// A command that is run in this process's group, with its standard streams.
///
/// `Foundation.Process` would put it into a group of its own: Ctrl-C would not reach it, and it would
/// stop when it reads from the terminal.
struct ChildProcess {
  /// The command and its arguments; looked up in `PATH` as a shell does.
  var arguments: [String]
  /// Variables beside those of this process.
  var environment: [String: String] = [:]
  /// Whether the command's standard output goes to standard error, to keep ours for a report.
  var printsToStandardError = false

  /// Runs the command to its end.
  ///
  /// - Throws: ``CommandError/cannotStart(command:reason:)``, or
  ///   ``CommandError/commandFailed(command:ending:)`` when it does not end with status 0.
  func run(under relay: SignalRelay) throws {
    let status = try relay.wait { try start() }
    guard let ending = ChildProcess.failure(status) else { return }
    throw CommandError.commandFailed(command: arguments.first ?? "", ending: ending)
  }

  private func start() throws -> pid_t {
    #if canImport(Darwin)
    var actions: posix_spawn_file_actions_t?
    #else
    var actions = posix_spawn_file_actions_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if printsToStandardError {
      posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
    }
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
      .map { "\($0)=\($1)" }
    var argv = arguments.map { strdup($0) } + [nil]
    var envp = variables.map { strdup($0) } + [nil]
    defer { for text in argv + envp { free(text) } }
    var child: pid_t = 0
    let code = posix_spawnp(&child, arguments[0], &actions, nil, &argv, &envp)
    guard code == 0 else {
      throw CommandError.cannotStart(
        command: arguments.first ?? "", reason: String(cString: strerror(code)))
    }
    return child
  }

  /// How a child failed, from the status that `waitpid` gives.
  private static func failure(_ status: Int32) -> String? {
    // The macros WIFEXITED and so on, which are not imported.
    let signal = status & 0x7F
    if signal != 0 {
      let name = strsignal(signal).map { String(cString: $0) } ?? "unknown"
      return "was ended by signal \(signal) (\(name))"
    }
    let code = (status >> 8) & 0xFF
    return code == 0 ? nil : "left with status \(code)"
  }
}
