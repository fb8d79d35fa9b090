public import Foundation

extension CaptureConfiguration {
  /// The environment variable that names a configuration file.
  public static let environmentVariable = "ASSAY_INTERMEDIATE_LOG_CONFIG_PATH"

  /// Reads the configuration file that the environment names: without `enabled` it is on.
  ///
  /// - Parameter environment: The variables; those of the process unless given.
  /// - Returns: `nil` where ``environmentVariable`` is not set.
  /// - Throws: ``CaptureError/invalidEnvironment(variable:value:reason:)`` for a variable that is
  ///   empty or names no sound configuration.
  public static func fromEnvironment(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> CaptureConfiguration? {
    guard let path = environment[environmentVariable] else { return nil }
    func failure(_ reason: String) -> CaptureError {
      .invalidEnvironment(variable: environmentVariable, value: path, reason: reason)
    }
    guard !path.isEmpty else { throw failure("it must be the path of a capture configuration") }
    do {
      return try CaptureConfiguration(contentsOfFile: path)
    } catch {
      throw failure("\(error)")
    }
  }
}
