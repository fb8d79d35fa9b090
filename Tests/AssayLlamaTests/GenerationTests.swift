import AssayCapture
import AssayTensors
import Testing

@testable import AssayLlama

@Suite struct GenerationTests {
  private static let prompt = [3, 14, 15, 9, 26, 5, 35, 8, 9]

  private static func model(_ dtype: DType = .float32) throws -> Llama {
    try Llama(checkpoint: Fixture.path("biased-sharded"), dtype: dtype)
  }

  @Test func tokensAreAnnouncedAsTheyCome() throws {
    var announced: [Int] = []
    let tokens = try GenerationTests.model().generate(from: GenerationTests.prompt, steps: 4) {
      announced.append($0)
    }
    #expect(announced == tokens)
    #expect(tokens.count == 4)
  }

  /// The second and third tokens of this prompt are 17 and 2, and 2 ends a text.
  @Test func endTokensStopOnlyOnRequest() throws {
    let model = try GenerationTests.model()
    #expect(model.configuration.endTokenIDs == [2])
    #expect(try model.generate(from: [3, 14, 15, 9, 26, 5, 35, 8, 9], steps: 3) == [2, 17, 2])
    #expect(
      try model.generate(from: [3, 14, 15, 9, 26, 5, 35, 8, 9], steps: 3, stopsAtEnd: true) == [2])
  }

  @Test func promptInPartsGivesTheSameLogits() throws {
    let model = try GenerationTests.model()
    let whole = try model.forward(tokenIDs: GenerationTests.prompt, cache: KVCache())
    let cache = KVCache()
    _ = try model.forward(tokenIDs: Array(GenerationTests.prompt.prefix(4)), cache: cache)
    let rest = try model.forward(tokenIDs: Array(GenerationTests.prompt.dropFirst(4)), cache: cache)
    #expect(cache.length == 9)
    for (a, b) in zip(rest.values, whole.values.suffix(5 * 64)) { #expect(abs(a - b) < 1e-4) }
  }

  @Test(arguments: Fixture.dtypes)
  func sameInputGivesSameBits(_ dtype: DType) throws {
    let first = try GenerationTests.model(dtype).forward(
      tokenIDs: GenerationTests.prompt, cache: KVCache())
    let second = try GenerationTests.model(dtype).forward(
      tokenIDs: GenerationTests.prompt, cache: KVCache())
    #expect(first.values.map(\.bitPattern) == second.values.map(\.bitPattern))
  }

  @Test(arguments: [
    ([], 1, LlamaError.emptyPrompt),
    ([0, 64], 1, .tokenOutOfVocabulary(64, vocabularySize: 64)),
    ([-1], 1, .tokenOutOfVocabulary(-1, vocabularySize: 64)),
    ([1], 0, .invalidStepCount(0)),
    ([1], -5, .invalidStepCount(-5)),
    ([1, 2], 64, .contextOverflow(positions: 65, limit: 64)),
    ([1, 2], .max, .contextOverflow(positions: .max, limit: 64)),
    ([Int](repeating: 1, count: 65), 1, .contextOverflow(positions: 65, limit: 64)),
  ])
  func impossibleRequestsAreRefused(_ ids: [Int], _ steps: Int, _ error: LlamaError) throws {
    let model = try GenerationTests.model()
    #expect(throws: error) { try model.generate(from: ids, steps: steps) }
  }

  @Test func theWholeContextCanBeUsed() throws {
    let tokens = try GenerationTests.model().generate(from: [1, 2], steps: 63)
    #expect(tokens.count == 63)
  }

  @Test func aFailureLeavesTheCacheAsItWas() throws {
    var model = try GenerationTests.model()
    let cache = KVCache()
    _ = try model.forward(tokenIDs: [1, 2, 3], cache: cache)
    let next = try model.forward(tokenIDs: [4], cache: cache)
    let sound = model.norm
    model.norm.weight.removeLast()
    #expect(throws: LlamaError.self) { try model.forward(tokenIDs: [5, 6], cache: cache) }
    model.norm = sound
    #expect(cache.length == 4)
    #expect(cache.layers.allSatisfy { $0.keys.allSatisfy { $0.count == 4 * 12 } })
    let fresh = KVCache()
    _ = try model.forward(tokenIDs: [1, 2, 3], cache: fresh)
    #expect(try model.forward(tokenIDs: [4], cache: fresh).values == next.values)
  }

  @Test func aCacheOfAnotherModelIsRefused() throws {
    let cache = KVCache()
    _ = try GenerationTests.model().forward(tokenIDs: [1], cache: cache)
    let other = try Llama(checkpoint: Fixture.path("grouped-tied"))
    #expect(throws: LlamaError.mismatchedCache) { try other.forward(tokenIDs: [1], cache: cache) }
  }
}
