import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

/// The pairs of runs of `OneDifference` as a user compares them: by the program, with its exit
/// status, on one thread or on all, and with the verdict of every tensor as the report has it.
///
/// `ASSAY_CASES` says how many, `ASSAY_SEED` which ones and `ASSAY_CASE` that only one is made.
@Suite struct OneDifferenceProgramTests {
  private static let cases = RandomCases(standard: 150, seed: 20_261_128)

  @Test func theExitStatusAndTheReportSayIt() throws {
    let counts = Self.cases.check { generator, folder in
      guard var pair = OneDifference(using: &generator) else { return nil }
      return try check(&pair, in: folder, using: &generator)
    }
    guard Self.cases.count >= 150 else { return }
    for status in 0...2 {
      #expect(counts.contains { $0.key.hasSuffix("status \(status)") }, "\(status)")
    }
  }

  /// - Returns: What was compared, and the status; `nil` for what no file or argument can be.
  private func check(
    _ pair: inout OneDifference, in folder: String, using generator: inout CaseGenerator
  ) throws -> String? {
    let layouts = [true, false].map { pair.layout(using: &generator, isActual: $0) }
    // Runs in memory are of the library, and the program separates patterns by commas.
    guard !layouts.contains(.memory),
      pair.options.modules?.contains(where: { $0.contains(",") }) != true
    else { return nil }
    _ = try pair.openExpected(as: layouts[1], in: folder)
    let opened = Result {
      try pair.openActual(as: layouts[0], in: folder, using: &generator)
    }
    let isAlone = Bool.random(using: &generator)
    let outcome = try AssayProcess.run(
      ["compare", "actual", "expected", "--format", "json"]
        + pair.options.arguments(writingTo: folder),
      in: URL(filePath: folder),
      // One of very many processes of a machine does its work on one thread.
      environment: isAlone ? ["OMPI_COMM_WORLD_LOCAL_SIZE": "1024"] : [:])
    let expected: Int32 =
      switch opened {
      case .failure: 2
      // A tensor that cannot be read, in a report that is written.
      case .success where pair.kind == .cutTensorFile: 2
      case .success: pair.matches ? 0 : 1
      }
    let name = "\(pair.kind.rawValue) \(isAlone ? "one thread" : "all") status \(outcome.status)"
    guard outcome.status == expected else {
      throw Wrong("\(name) and not \(expected); \(pair.options); \(outcome.stderr)")
    }
    if case .failure = opened {
      guard outcome.stdout.isEmpty, outcome.stderr.hasPrefix("Error: ") else {
        throw Wrong("\(name): \(outcome)")
      }
      return name
    }
    let report = try JSONDecoder().decode(Report.self, from: Data(outcome.stdout.utf8))
    guard report.verdict == (expected == 0 ? "match" : "mismatch") else {
      throw Wrong("\(name): the report says \(report.verdict)")
    }
    let found = report.failing
    if pair.kind == .cutTensorFile {
      guard found.map(\.value) == ["unreadable"] else { throw Wrong("\(name): \(found)") }
    } else if !pair.isCut {
      guard found == pair.failing else {
        throw Wrong("\(name): \(found), and it should have been \(pair.failing)")
      }
    }
    return name
  }

  private struct Report: Decodable {
    var verdict: String
    var steps: [Step]

    struct Step: Decodable {
      var step: Int
      var modules: [Module]
    }
    struct Module: Decodable {
      var module: String
      var call: Int
      var tensors: [Tensor]
    }
    struct Tensor: Decodable {
      var slot: String
      var device: String
      var verdict: String
    }

    /// The verdicts of tensors that do not match.
    var failing: [TensorKey: String] {
      var found: [TensorKey: String] = [:]
      for step in steps {
        for module in step.modules {
          let call = CallKey(step: step.step, module: module.module, index: module.call)
          for tensor in module.tensors where tensor.verdict != "match" {
            let key = TensorKey(call, device: Device(tensor.device), slot: Slot(tensor.slot))
            found[key] = tensor.verdict
          }
        }
      }
      return found
    }
  }
}

extension JudgingOptions {
  /// The options as arguments of `assay compare`, in whose folder files of rules are written.
  fileprivate func arguments(writingTo folder: String) throws -> [String] {
    func file(_ name: String, _ text: String) throws -> String {
      try text.write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
      return name
    }
    var arguments: [String] =
      switch tolerance {
      case .bounds(let bounds): ["--rtol=\(bounds.rtol)", "--atol=\(bounds.atol)"]
      case .torch: ["--tolerance=torch"]
      case .rules(let yaml): ["--tolerance-file", try file("rules.yml", yaml)]
      }
    if equalNaN { arguments.append("--equal-nan") }
    if let steps {
      arguments.append("--steps=" + steps.map(String.init).joined(separator: ","))
    }
    if let modules { arguments.append("--modules=" + modules.joined(separator: ",")) }
    if let deviceMap {
      arguments.append("--device-map=\(deviceMap.actual)=\(deviceMap.expected)")
    }
    if let mapping { arguments += ["--mapping", try file("mapping.yml", mapping)] }
    return arguments
  }
}
