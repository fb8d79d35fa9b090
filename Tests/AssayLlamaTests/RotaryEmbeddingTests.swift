import AssayCheckpoints
import AssayTensors
import Testing

@testable import AssayLlama

@Suite struct RotaryEmbeddingTests {
  private static func embedding(_ name: String, _ dtype: DType) throws -> RotaryEmbedding {
    let (factor, positions) = [
      "llama3": (8.0, 8192), "llama32": (32.0, 8192), "short": (3.0, 100),
    ][name, default: (1, 0)]
    let scaling = Llama3Scaling(
      factor: factor, lowFrequencyFactor: 1, highFrequencyFactor: 4,
      originalMaximumPositions: positions)
    return RotaryEmbedding(
      base: name == "default" ? 10000 : 500000, scaling: positions == 0 ? nil : .llama3(scaling),
      headDimension: 64, rounding: try Rounding(dtype))
  }

  @Test(arguments: ["default", "llama3", "llama32", "short"])
  func frequenciesMatch(_ name: String) throws {
    let frequencies = try RotaryEmbeddingTests.embedding(name, .float32).inverseFrequencies
    let distance = Distance(frequencies, try Fixture.tensor("rotary.\(name).inv_freq"))
    #expect(distance.relative <= 2e-7, "\(distance)")
  }

  @Test(arguments: ["default", "llama3"], Fixture.dtypes)
  func tablesMatch(_ name: String, _ dtype: DType) throws {
    let embedding = try RotaryEmbeddingTests.embedding(name, dtype)
    let tables = embedding(TokenVector(values: [0, 1, 17, 300]))
    for (table, activation) in [("cos", tables.cosines), ("sin", tables.sines)] {
      let expected = try Fixture.tensor("rotary.\(name).\(dtype).\(table)")
      let distance = Distance(activation.values, expected, floor: 1)
      // An angle of 300 doubles a frequency's last bit eight times.
      #expect(distance.relative <= (dtype == .float32 ? 2e-5 : 0), "\(table): \(distance)")
    }
  }

  @Test func newBaseChangesTheFrequencies() throws {
    var embedding = try RotaryEmbeddingTests.embedding("default", .float32)
    embedding.base = 20000
    #expect(embedding.inverseFrequencies[0] == 1)
    #expect(abs(embedding.inverseFrequencies[16] - 1 / Float(20000).squareRoot()) < 1e-9)
  }
}
