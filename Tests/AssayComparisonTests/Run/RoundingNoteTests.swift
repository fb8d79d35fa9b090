import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

@Suite struct RoundingNoteTests {
  /// Units in the last place of 1, by which float32 rounds.
  private static let unit: Float = 0x1p-23

  /// A call whose inputs are equal, and whose outputs are off by what is given.
  private func comparison(_ errors: [Float], tolerance: Tolerance = .vllm) throws -> RunComparison {
    let expected: [Float] = [1, -1, 1e-4, 1]
    func given(_ path: String, _ values: [Float]) throws -> InMemoryRun {
      try run(path, [("a", [("inputs_0", [1, 2]), ("outputs", values)])])
    }
    return try compare(
      given("A", zip(expected, errors).map { $0 + $1 }), given("B", expected),
      ComparisonOptions(tolerance: tolerance))
  }

  @Test func aFewUnitsOfTheLastPlaceAreRounding() throws {
    let comparison = try comparison([0, 0, 4 * Self.unit, 0])
    #expect(!comparison.isMatch)
    let note = try #require(comparison.notes.first)
    #expect(note.hasPrefix("rounding explains what differs in values: 1 of 6 elements (16.67 %)"))
    // 4 units over a norm of the square root of 3.
    #expect(note.contains("3 roundings of float32;"), "\(note)")
    #expect(note.contains(" a rule with worst_row <= 1e-6 "), "\(note)")
    let atol = try #require(
      note.split(separator: "an atol of ").last?.split(separator: " ").first.flatMap { Double($0) })
    // The atol passes, and one that is a tenth lower does not.
    let errors = [0, 0, 4 * Self.unit, 0]
    #expect(try self.comparison(errors, tolerance: .init(rtol: 1e-5, atol: atol)).isMatch)
    #expect(try !self.comparison(errors, tolerance: .init(rtol: 1e-5, atol: atol * 0.9)).isMatch)
  }

  @Test(arguments: [
    // More units than one call's rounding makes.
    [0, 0, 64 * unit, 0], [0.5, 0, 0, 0], [0, 0, .nan, 0], [0, 0, .infinity, 0],
  ])
  func whatIsMoreIsNotRounding(_ errors: [Float]) throws {
    let comparison = try comparison(errors)
    #expect(!comparison.isMatch && !comparison.notes.contains { $0.hasPrefix("rounding") })
  }

  @Test func whatMatchesNeedsNoNote() throws {
    #expect(try comparison([Self.unit, 0, 0, 0]).notes.isEmpty)
  }
}
