import Foundation
import Testing

/// The framework that the code at hand runs under.
enum TestFramework: Sendable {
  case swiftTesting
  case xctest

  /// The framework of this moment; `nil` outside of tests.
  ///
  /// A detached task and a dispatch queue have no current test, so the process has to tell: the
  /// same binary runs once for each framework, and each ignores the other's assertions.
  static var current: TestFramework? {
    if Test.current != nil { return .swiftTesting }
    return ofProcess
  }

  private static let ofProcess = TestFramework(arguments: CommandLine.arguments)

  /// Recognises a process by how it was started.
  init?(arguments: [String]) {
    if let library = Self.library(in: arguments) {
      self = library
      return
    }
    let runner = arguments.first.map { URL(filePath: $0).lastPathComponent } ?? ""
    if runner == "swiftpm-testing-helper" {
      self = .swiftTesting
    } else if runner.hasSuffix(".xctest") || runner == "xctest" || runner.hasSuffix("-test-runner")
    {
      self = .xctest
    } else {
      return nil
    }
  }

  private static func library(in arguments: [String]) -> TestFramework? {
    let option = "--testing-library"
    var name: String?
    for (position, argument) in arguments.enumerated() {
      if argument == option, position + 1 < arguments.count { name = arguments[position + 1] }
      if argument.hasPrefix(option + "=") { name = String(argument.dropFirst(option.count + 1)) }
    }
    return switch name {
    case "swift-testing": .swiftTesting
    case "xctest": .xctest
    default: nil
    }
  }
}
