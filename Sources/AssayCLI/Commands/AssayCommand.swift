import ArgumentParser
import Assay
import AssayBase
import Foundation

struct AssayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "assay",
    abstract: "Record what a model computed, module by module, and prove that it still does.",
    discussion: """
      Exit status: 0 when all is well or everything matches, 1 when something differs, \
      2 when assay could not do its work.
      """,
    version: AssayVersion.current,
    subcommands: [
      RecordCommand.self, ReplayCommand.self, ApproveCommand.self, CompareCommand.self,
      MergeCommand.self,
      LogCommand.self, CalibrateCommand.self,
      LintTolerancesCommand.self, InspectCommand.self, CheckCommand.self, ConvertCommand.self,
      ImportCommand.self, MappingsCommand.self,
    ])
}

extension AssayCommand {
  /// An error in words for people.
  static func text(of error: any Error) -> String {
    // Foundation's errors print as dictionaries; their localized description is for people.
    error is CocoaError ? error.localizedDescription : String(describing: error)
  }
}

@main
enum Main {
  static func main() {
    MappingTable.endOnLoss(status: ExitStatus.failure.rawValue)
    Console.keepStandardStreams()
    // A file that may not grow is an error that has words, as on a full disk.
    signal(SIGXFSZ, SIG_IGN)
    do {
      let arguments = CommandLine.arguments.dropFirst()
      if let name = unknownCommand(in: arguments) {
        throw CommandError.noCommand(name, commands: commands)
      }
      var command = try AssayCommand.parseAsRoot()
      try command.run()
    } catch {
      exit(report(error))
    }
  }

  private static let commands = AssayCommand.configuration.subcommands.compactMap {
    $0.configuration.commandName
  }

  /// A first word that is no command; the argument parser would not say which there are.
  private static func unknownCommand(in arguments: ArraySlice<String>) -> String? {
    let words = arguments.first == "help" ? arguments.dropFirst() : arguments
    guard let word = words.first, !word.hasPrefix("-") else { return nil }
    return commands.contains(word) || word == "help" ? nil : word
  }

  /// Prints what went wrong and says with which status to leave.
  private static func report(_ error: any Error) -> Int32 {
    if let status = error as? ExitStatus { return status.rawValue }
    // The argument parser's own errors: help and version end well, all else is bad usage.
    if AssayCommand.exitCode(for: error).isSuccess {
      do {
        try Console.print(AssayCommand.message(for: error))
        return ExitStatus.success.rawValue
      } catch {
        return report(error)
      }
    }
    if error is ValidationError || isParserError(error) {
      Console.complain(AssayCommand.fullMessage(for: error))
    } else {
      Console.complain("Error: \(AssayCommand.text(of: error))")
    }
    return ExitStatus.failure.rawValue
  }

  private static func isParserError(_ error: any Error) -> Bool {
    AssayCommand.exitCode(for: error) == .validationFailure
  }
}
