import ArgumentParser
import Assay
import Foundation

/// Under which tolerance a command judges; the same options for all of them.
struct ToleranceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Tolerances of a known table instead of one pair: \(Table.list).", valueName: "table"))
  var tolerance: Table?

  @Option(
    help: ArgumentHelp(
      "Tolerances by the ordered rules of a file such as tolerances.yml.", valueName: "file"))
  var toleranceFile: String?

  @Option(help: "Relative tolerance (default: 1e-5).")
  var rtol: Double?

  @Option(help: "Absolute tolerance (default: 1e-8).")
  var atol: Double?

  @Flag(help: "NaN matches NaN.")
  var equalNan = false

  /// Tables that users know by the program they come from.
  enum Table: String, CaseIterable, ExpressibleByArgument {
    case torch, vllm, numpy

    static let list = "torch (assert_close, by dtype), vllm or numpy (assert_allclose)"

    init?(argument: String) { self.init(rawValue: argument) }

    var tolerance: Tolerance {
      get throws {
        switch self {
        case .torch: .torch
        case .vllm: .vllm
        case .numpy: try Tolerance(rtol: 1e-7, atol: 0, equalNaN: true)
        }
      }
    }
  }

  func validate() throws {
    let chosen = [
      ("--tolerance", tolerance != nil), ("--tolerance-file", toleranceFile != nil),
      ("--rtol and --atol", rtol != nil || atol != nil),
    ].filter(\.1).map(\.0)
    if chosen.count > 1 {
      throw ValidationError("\(chosen[0]) excludes \(chosen[1])")
    }
  }

  /// The tolerance that was asked for.
  ///
  /// - Parameters:
  ///   - golden: The golden whose rules, a `tolerances.yml` beside it, hold where no option
  ///   chooses: as they do in tests.
  ///   - standard: What holds where there is nothing of the kind.
  func chosen(
    besides golden: String? = nil, standard: Tolerance = .vllm
  ) throws -> Tolerance {
    var chosen = try explicit ?? golden.flatMap(ToleranceOptions.rules(beside:)) ?? standard
    if equalNan { chosen.equalNaN = true }
    return chosen
  }

  private var explicit: Tolerance? {
    get throws {
      if let tolerance { return try tolerance.tolerance }
      if let toleranceFile { return .rules(try ToleranceRules(contentsOfFile: toleranceFile)) }
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
