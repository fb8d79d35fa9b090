import ArgumentParser
import Assay
import Foundation

/// Under which tolerance a command judges; the same options for all of them.
struct ToleranceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Tolerances instead of one pair: torch for PyTorch's table by dtype, or a file of rules "
        + "such as tolerances.yml.", valueName: "torch|file"))
  var tolerance: String?

  @Option(help: "Relative tolerance (default: 1e-5).")
  var rtol: Double?

  @Option(help: "Absolute tolerance (default: 1e-8).")
  var atol: Double?

  @Flag(help: "NaN matches NaN.")
  var equalNan = false

  func validate() throws {
    if let tolerance, rtol != nil || atol != nil {
      throw ValidationError("--tolerance \(tolerance) excludes --rtol and --atol")
    }
  }

  /// The tolerance that was asked for.
  ///
  /// - Parameter golden: The golden whose rules, a `tolerances.yml` beside it, hold where no option
  ///   chooses: as they do in tests.
  func chosen(besides golden: String? = nil) throws -> Tolerance {
    var chosen = try explicit ?? golden.flatMap(ToleranceOptions.rules(beside:)) ?? .vllm
    if equalNan { chosen.equalNaN = true }
    return chosen
  }

  private var explicit: Tolerance? {
    get throws {
      if tolerance == "torch" { return .torch }
      if let tolerance { return .rules(try ToleranceRules(contentsOfFile: tolerance)) }
      if rtol == nil && atol == nil { return nil }
      return try Tolerance(rtol: rtol ?? 1e-5, atol: atol ?? 1e-8)
    }
  }

  private static func rules(beside golden: String) throws -> Tolerance? {
    let file = URL(filePath: golden).deletingLastPathComponent()
      .appending(component: "tolerances.yml").relativePath
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    return .rules(try ToleranceRules(contentsOfFile: file))
  }
}
