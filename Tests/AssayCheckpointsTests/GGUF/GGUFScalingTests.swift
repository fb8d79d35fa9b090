import AssayRuns
import AssayTensors
import Foundation
import Testing

@testable import AssayCheckpoints
@testable import AssayLlama

/// Files whose rotary frequencies are stretched, against transformers.
@Suite struct GGUFScalingTests {
  private static let tokenIDs = [1, 7, 15, 2, 3, 3, 9, 0, 11, 4]

  /// The rule that `config.json` of an import says.
  private static func importing(
    _ source: String, _ body: (Llama) throws -> Void
  ) throws -> LlamaConfiguration.RotaryScaling? {
    let scratch = try Scratch()
    let target = scratch.path + "/checkpoint"
    try GGUFCheckpoint.write(GGUFFile(path: source), to: target)
    let model = try Llama(checkpoint: target)
    try body(model)
    return model.configuration.rotaryScaling
  }

  /// The largest `|a - e| / (floor + |e|)`; infinite where one is not finite or missing.
  private static func error(of actual: [Float], _ expected: Tensor, floor: Float = 0) -> Float {
    let expected = expected.float32Values()
    guard actual.count == expected.count else { return .infinity }
    return zip(actual, expected).reduce(0) { worst, pair in
      let error = pair.0 == pair.1 ? 0 : abs(pair.0 - pair.1) / (floor + abs(pair.1))
      return error.isFinite ? max(worst, error) : .infinity
    }
  }

  @Test(arguments: [
    ("linear", LlamaConfiguration.RotaryScaling.linear(factor: 2.5)),
    ("scale-linear", .linear(factor: 2.5)),
    (
      "rope-freqs",
      .llama3(
        .init(
          factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaximumPositions: 16))
    ),
  ])
  func logitsAreThoseOfTransformers(
    _ name: String, _ rule: LlamaConfiguration.RotaryScaling
  ) throws {
    let found = try Self.importing(Fixture.path("gguf/\(name).gguf")) { model in
      #expect(model.configuration.attentionBias && model.configuration.mlpBias)
      let logits = try model.forward(tokenIDs: Self.tokenIDs, cache: KVCache())
      let expected = try Fixture.tensor(name, in: "gguf/scaled-expected")
      #expect(logits.values.count == 160)
      #expect(Self.error(of: logits.values, expected, floor: 1) <= 2e-5)
      // The frequencies matter to what is compared.
      var other = model
      other.rotaryEmbedding.scaling = nil
      let unscaled = try other.forward(tokenIDs: Self.tokenIDs, cache: KVCache())
      #expect(Self.error(of: unscaled.values, expected, floor: 1) > 1e-2)
    }
    #expect(found == rule)
  }

  private static let rules: [(String, Int, Double, LlamaConfiguration.RotaryScaling)] = [
    ("llama31", 128, 500_000, llama3(8, 4, 8192)), ("llama32", 64, 500_000, llama3(32, 4, 8192)),
    ("short", 64, 500_000, llama3(3, 4, 100)), ("sharp", 128, 500_000, llama3(4.5, 2.5, 4096)),
    // The same rule as that of llama31: only ratios matter.
    ("doubled", 128, 500_000, llama3(8, 4, 8192)), ("base", 96, 10_000, llama3(16, 4, 2048)),
    ("tiny", 8, 500_000, llama3(8, 4, 16)),
    // No frequency lies between, and the first of these numbers that gives the factors is taken.
    ("jump", 4, 500_000, llama3(8, 4, 32)), ("linear", 64, 10_000, .linear(factor: 2.5)),
  ]

  private static func llama3(
    _ factor: Double, _ high: Double, _ positions: Int
  ) -> LlamaConfiguration.RotaryScaling {
    .llama3(
      .init(
        factor: factor, lowFrequencyFactor: 1, highFrequencyFactor: high,
        originalMaximumPositions: positions))
  }

  @Test(arguments: rules.indices)
  func ruleIsFoundAgainFromItsFactors(_ index: Int) throws {
    let (name, dimension, base, rule) = Self.rules[index]
    if case .llama3 = rule {
      let factors = try Fixture.tensor("\(name).factors", in: "gguf/ropes").float64Values()
      let found = Llama3Scaling.fitted(to: factors, base: base)
      #expect(found.map { .llama3($0) } == rule)
    }
    let embedding = RotaryEmbedding(
      base: base, scaling: rule, headDimension: dimension, rounding: try Rounding(.float32))
    let expected = try Fixture.tensor("\(name).frequencies", in: "gguf/ropes")
    #expect(Self.error(of: embedding.inverseFrequencies, expected) <= 4e-7)
  }

  @Test(arguments: [
    [1, 1, 1, 0.5], [2, 1, 1, 8], [1, 3, 2, 8], [1, 1, 1, .infinity], [1, 1, 1, .nan], [],
    [1.2, 1.5, 7.9, 8],
  ])
  func factorsOfNoRuleAreNone(_ factors: [Double]) {
    #expect(Llama3Scaling.fitted(to: factors, base: 500_000) == nil)
  }

  private static let type = "llama.rope.scaling.type"
  private static let factor = "llama.rope.scaling.factor"

  private static func rule(
    _ keys: [String: GGUFBytes.Value], factors: [Float]? = nil
  ) throws -> LlamaConfiguration.RotaryScaling? {
    let scratch = try Scratch()
    try scratch.write("m.gguf", GGUFBytes.llama(keys: keys, factors: factors))
    return try importing(scratch.path + "/m.gguf") { _ in }
  }

  /// As llama.cpp reads them: a factor without a type is linear, 0 is none, `none` beats a factor.
  @Test func keysAreReadAsLlamaCppDoes() throws {
    #expect(try Self.rule([:]) == nil)
    #expect(try Self.rule([Self.factor: .number(4)]) == .linear(factor: 4))
    #expect(try Self.rule([Self.factor: .number(0)]) == nil)
    #expect(
      try Self.rule([Self.type: .text("none"), Self.factor: .number(4)]) == nil)
    #expect(
      try Self.rule([Self.factor: .number(3), "llama.rope.scale_linear": .number(4)])
        == .linear(factor: 3))
    #expect(try Self.rule([:], factors: [1, 1]) == nil)
    #expect(
      try Self.rule([Self.type: .text("linear"), Self.factor: .number(1)], factors: [1, 8])
        == Self.llama3(8, 4, 32))
    let known = ["llama.rope.scaling.original_context_length": GGUFBytes.Value.integer(128)]
    #expect(try Self.rule(known, factors: [1, 8]) == Self.llama3(8, 4, 128))
  }

  @Test func scalingThatCannotBeSaidIsNamed() throws {
    func expectError(
      _ text: String, _ keys: [String: GGUFBytes.Value], factors: [Float]? = nil,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let error = #expect(throws: GGUFError.self, sourceLocation: sourceLocation) {
        try Self.rule(keys, factors: factors)
      }
      let found = error?.description ?? ""
      #expect(
        found.contains(text) && found.contains("m.gguf"), "\(found)", sourceLocation: sourceLocation
      )
    }
    expectError("yarn scaling", [Self.type: .text("yarn"), Self.factor: .number(4)])
    expectError("longrope scaling", [Self.type: .text("longrope")])
    expectError("\"\(Self.factor)\" is missing", [Self.type: .text("linear")])
    expectError("\"\(Self.factor)\" is below 0", [Self.factor: .number(-1)])
    expectError("attention factor", ["llama.rope.scaling.attn_factor": .number(1.5)])
    expectError(
      "linear scaling of the rotary embedding beside", [Self.factor: .number(2)], factors: [1, 8])
    expectError("follow no rule", [:], factors: [8, 1])
    expectError("has the shape [3], not [2]", [:], factors: [1, 1, 8])
    expectError("\"llama.rope.freq_base\" is not above 0", ["llama.rope.freq_base": .number(-1)])
  }
}
