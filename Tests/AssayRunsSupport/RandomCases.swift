import Foundation
import Synchronization
import Testing

/// Cases that are made of random numbers, on all cores, each in a folder of its own.
package struct RandomCases: Sendable {
  package let count: Int
  private let seed: UInt64
  private let only: Int?

  /// - Parameters:
  ///   - count: How many cases there are unless `ASSAY_CASES` says it.
  ///   - seed: Which ones, unless `ASSAY_SEED` says it.
  package init(standard count: Int, seed: UInt64) {
    let environment = ProcessInfo.processInfo.environment
    self.count = environment["ASSAY_CASES"].flatMap(Int.init) ?? count
    self.seed = environment["ASSAY_SEED"].flatMap(UInt64.init) ?? seed
    only = environment["ASSAY_CASE"].flatMap(Int.init)
  }

  /// Makes and checks all cases, and records an issue for each that is not as it should be.
  ///
  /// - Parameter body: Checks one case with its random numbers, in a folder that is empty; returns
  ///   what it was, or `nil` for none.
  /// - Returns: How many there were of each.
  @discardableResult
  package func check(
    _ title: String = #fileID, _ body: @Sendable (inout CaseGenerator, String) throws -> String?
  ) -> [String: Int] {
    let counts = Mutex<[String: Int]>([:])
    let issues = Mutex<[String]>([])
    let numbers = only.map { $0..<$0 + 1 } ?? 0..<count
    DispatchQueue.concurrentPerform(iterations: numbers.count) { position in
      let number = numbers.lowerBound + position
      var generator = CaseGenerator(seed: seed, case: number)
      let folder = FileManager.default.temporaryDirectory
        .appending(path: "assay-case-\(UUID().uuidString)").path
      defer { try? FileManager.default.removeItem(atPath: folder) }
      do {
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true)
        guard let name = try body(&generator, folder) else { return }
        counts.withLock { $0[name, default: 0] += 1 }
      } catch {
        issues.withLock { $0.append("ASSAY_SEED=\(seed) ASSAY_CASE=\(number): \(error)") }
      }
    }
    for issue in issues.withLock({ $0 }).sorted().prefix(20) { Issue.record("\(issue)") }
    let result = counts.withLock { $0 }
    // Who asks for a number wants to see what they were.
    if ProcessInfo.processInfo.environment["ASSAY_CASES"] != nil {
      let lines = result.sorted { $0.key < $1.key }.map { "\($0.value)\t\($0.key)" }
      let total = result.values.reduce(0, +)
      print(
        "\(title): seed \(seed), \(numbers.count) drawn, \(total) compared\n"
          + lines.joined(separator: "\n"))
    }
    return result
  }
}

/// A case that came out otherwise than it should have.
package struct Wrong: Error, CustomStringConvertible {
  package var description: String

  package init(_ description: String) { self.description = description }
}
