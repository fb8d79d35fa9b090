import AssayLlama
import AssayTesting
import Foundation
import Testing

/// The README's test, and the failure that an article shows.
@Suite struct ReadmeSampleTests {
  // The lines are those of the README.
  @Test func prefill() throws {
    try assertReplay("tiny-llama/float32", tolerance: Tolerance(rtol: 1e-4, atol: 1e-5)) { probe in
      let model = try Llama(checkpoint: "Golden/tiny-llama/checkpoint")
      try model.generate(from: probe.recipe.tokenIDs, steps: probe.recipe.steps, probe: probe)
    }
  }

  @Test(arguments: ["README.md", "Sources/AssayLlama/AssayLlama.docc/AssayLlama.md"])
  func theLinesAreThoseOfThePage(page: String) throws {
    let samples = try Self.blocks(of: page, "swift").filter { $0.contains("@Test") }
    #expect(samples.count == 1)
    let source = Set(Self.lines(of: try String(contentsOfFile: #filePath, encoding: .utf8)))
    let lines = samples.flatMap(Self.lines)
    #expect(lines.count >= 6 && lines.filter { !source.contains($0) } == [])
  }

  @Test func theFailureIsTheOneOfTheArticle() throws {
    let article = "Sources/AssayTesting/AssayTesting.docc/AssayTesting.md"
    let shown = try #require(
      Self.blocks(of: article, "").first { $0.hasPrefix("Golden \"tiny-llama/float32\"") })
    let golden = "Golden/tiny-llama/float32.h5"
    let comparison = try RunComparison.compare(
      actual: Self.run("Golden/tiny-llama/bugs/weight-row.h5"), expected: Self.run(golden))
    let text = FailureText.render(comparison, headline: "tiny-llama/float32", goldenPath: golden)
    var rest = Self.lines(of: text)[...]
    for line in Self.lines(of: shown) where line != "..." {
      let found = try #require(rest.firstIndex(of: line), "\(line) is not in\n\(text)")
      rest = rest[(found + 1)...]
    }
  }

  private static let package = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private static func run(_ path: String) throws -> any RunReader {
    try openRun(at: package.appending(path: path).path)
  }

  /// The code blocks of a page in one language.
  private static func blocks(of page: String, _ language: String) throws -> [String] {
    let text = try String(contentsOf: package.appending(path: page), encoding: .utf8)
    let parts = text.components(separatedBy: "\n```")
    // What stands between fences is at odd places.
    return parts.indices.filter { $0 % 2 == 1 && parts[$0].hasPrefix(language + "\n") }
      .map { String(parts[$0].dropFirst(language.count + 1)) }
  }

  private static func lines(of text: String) -> [String] {
    text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty }
  }
}
