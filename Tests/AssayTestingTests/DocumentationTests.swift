import Assay
import AssayTesting
import Foundation
import Testing

@testable import AssayLlama

// What the documentation's samples leave to their reader.
private typealias Port = Llama
private let package = URL(filePath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()
private let checkpoint = package.appending(path: "Golden/tiny-llama/checkpoint").path

@Suite struct DocumentationTests {
  // Compiled and not run: the lines are those of the documentation.
  func prefill() throws {
    try assertReplay("tiny-llama/prefill") { probe in
      let recipe = try probe.recipe
      let model = try Port(checkpoint: checkpoint)
      try model.generate(from: recipe.tokenIDs, steps: recipe.steps, probe: probe)
    }
  }

  @Test func theSamplesLinesAreCompiled() throws {
    let page = package.appending(path: "Sources/AssayTesting/AssayTesting.docc/AssayTesting.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    let sample = try #require(
      text.components(separatedBy: "```swift\n").dropFirst().first?
        .components(separatedBy: "\n```").first)
    let source = Set(Self.lines(of: try String(contentsOfFile: #filePath, encoding: .utf8)))
    let lines = Self.lines(of: sample).dropFirst()
    #expect(lines.count > 4 && lines.filter { !source.contains($0) } == [])
  }

  private static func lines(of text: String) -> [String] {
    text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty }
  }
}
