import Testing

@testable import AssayTensors

@Suite struct SignProjectionTests {
  /// The first outputs that the generator's reference code in C prints for the seed 1234567.
  @Test func generatorIsSplitMix64() {
    #expect(
      (0..<5).map { SplitMix64.output($0, seed: 1_234_567) } == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
        4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
      ])
  }

  @Test(arguments: InstructionSet.available, [64, 128, 192])
  func signsAreThoseOfTheDefinition(_ instructions: InstructionSet, directions: Int) {
    let values = (0..<67).map { Double($0 * $0) * 0.37 - 401 }
    var expected = [Double](repeating: 0, count: directions)
    for (i, value) in values.enumerated() {
      for row in 0..<directions {
        let word = SplitMix64.output((5 + i) * directions / 64 + row / 64, seed: 99)
        expected[row] += word >> (row % 64) & 1 == 1 ? -value : value
      }
    }
    var sums = [Double](repeating: 0, count: directions)
    values.withUnsafeBufferPointer {
      SignProjection.add($0, at: 5, seed: 99, to: &sums, using: instructions)
    }
    #expect(sums == expected)
  }

  @Test func partsComeToTheSameAsTheWhole() {
    let values = (0..<1000).map { 1 / Double($0 + 1) }
    var (whole, parts) = ([Double](repeating: 0, count: 128), [Double](repeating: 0, count: 128))
    values.withUnsafeBufferPointer { SignProjection.add($0, at: 0, seed: 3, to: &whole) }
    for range in [0..<1, 1..<8, 8..<500, 500..<1000] {
      values[range].withUnsafeBufferPointer {
        SignProjection.add($0, at: range.lowerBound, seed: 3, to: &parts)
      }
    }
    #expect(parts == whole)
  }
}
