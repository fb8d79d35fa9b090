import AssayBase
import AssayCheckpoints
import AssayRuns
import AssayTensors
import Foundation
import Testing

@testable import AssayLlama

/// The ranks of a split model, joined by hand and held to the model that is not split.
@Suite struct TensorParallelTests {
  struct Case: CustomTestStringConvertible {
    let name: String
    let ranks: Int
    var made: MadeCheckpoint?

    static let all =
      [2, 3, 4].map { Case(name: "one key/value head", ranks: $0, made: MadeCheckpoint()) }
      + [2, 4].map {
        Case(name: "two key/value heads", ranks: $0, made: MadeCheckpoint(keyValueHeads: 2))
      } + [
        Case(
          name: "three key/value heads", ranks: 3,
          made: MadeCheckpoint(keyValueHeads: 3, isTied: true, hasBias: false)),
        Case(
          name: "a rank of padding alone", ranks: 4,
          made: MadeCheckpoint(keyValueHeads: 4, vocabulary: 5)),
      ]
      + [2, 4].flatMap { ranks in
        (CheckpointTests.names + ["tiny-llama"]).map { Case(name: $0, ranks: ranks) }
      }

    var testDescription: String { "\(name), \(ranks) ranks" }

    /// Calls a body with the checkpoint's path.
    func withCheckpoint(_ body: (String) throws -> Void) throws {
      guard let made else {
        return try body(name == "tiny-llama" ? GoldenRun.checkpoint : Fixture.path(name))
      }
      let scratch = try made.write()
      try body(scratch.path)
    }
  }

  private static let prompt = [3, 1, 4, 1, 0, 2]

  @Test(arguments: Case.all)
  func joinedRanksAreTheWholeModel(_ test: Case) throws {
    try test.withCheckpoint { checkpoint in
      let whole = try Llama(checkpoint: checkpoint)
      let expected = try CollectedRun(of: whole, from: Self.prompt, steps: 3)
      let model = try TensorParallelLlama(checkpoint: checkpoint, rankCount: test.ranks)
      let ranks = try CollectedRun.ofRanks(model, from: Self.prompt, steps: 3)
      #expect(ranks[0].tokens == expected.tokens)
      let joined = try JoinedRun(
        ranks, whole: expected, keyValueHeads: whole.configuration.keyValueHeadCount)
      #expect(joined.tensors.count == expected.tensors.count)
      let placements = Placements(try #require(model.placements))
      #expect(placements.mesh == .array([.object(["tp": .integer(Int64(test.ranks))])]))
      for (key, tensor) in expected.tensors {
        let (values, rule) = try #require(joined.tensors[key])
        let wanted = tensor.float64Values()
        #expect(try placements[key] == rule, "\(key)")
        let isExact = Self.followsNoSum(key, headDimension: whole.configuration.headDimension)
        let scale = wanted.map(abs).max() ?? 0
        #expect(values.count == wanted.count, "\(key)")
        let error = zip(values, wanted).map { abs($0 - $1) }.max() ?? 0
        #expect(error <= (isExact ? 0 : 1e-5 * scale), "\(key): \(error) of \(scale)")
      }
    }
  }

  /// Whether a tensor is made without a sum over ranks, but for the embedding's, which adds zeros.
  ///
  /// OpenBLAS computes up to 16 outputs of a product at once, and those left over in another order.
  private static func followsNoSum(_ key: TensorKey, headDimension: Int) -> Bool {
    let first = ["model.embed_tokens", "model.rotary_emb", "model.layers.0.input_layernorm"]
    if first.contains(key.module) { return true }
    return headDimension.isMultiple(of: 16) && key.module.hasPrefix("model.layers.0.self_attn.")
      && !(key.module.hasSuffix("o_proj") && key.slot == Slot("outputs"))
  }

  /// What PyTorch recorded of the whole model is what the ranks make, by relative L2; in bfloat16 less
  /// closely than one rank does, as every partial sum is rounded.
  @Test(arguments: [2, 4], [("float32", 1e-5), ("bfloat16", 0.02)])
  func joinedRanksMatchPyTorch(_ count: Int, _ run: (dtype: String, bound: Double)) throws {
    let golden = try GoldenRun(run.dtype)
    let dtype = try #require(DType(torchName: run.dtype))
    let whole = try CollectedRun(
      of: try Llama(checkpoint: GoldenRun.checkpoint, dtype: dtype), from: golden.tokenIDs,
      steps: golden.generated.count)
    let ranks = try CollectedRun.ofRanks(
      try TensorParallelLlama(
        checkpoint: GoldenRun.checkpoint, rankCount: count, dtype: dtype),
      from: golden.tokenIDs, steps: golden.generated.count)
    #expect(ranks[0].tokens == golden.generated)
    for rank in ranks {
      #expect(rank.steps.map(\.calls) == golden.steps.map(\.calls))
      #expect(rank.steps.map(\.completionOrder) == golden.steps.map(\.completionOrder))
    }
    let joined = try JoinedRun(ranks, whole: whole, keyValueHeads: 2)
    #expect(Set(joined.tensors.keys) == Set(golden.files.keys))
    for (key, (values, _)) in joined.tensors {
      let expected = try golden.tensor(key).float64Values()
      #expect(values.count == expected.count, "\(key)")
      let error = zip(values, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      let norm = expected.reduce(0) { $0 + $1 * $1 }
      #expect(error.squareRoot() <= run.bound * norm.squareRoot(), "\(key)")
    }
  }

  /// A rank's partial sum is that of its own columns of the checkpoint's weight, and the bias is
  /// the first rank's.
  @Test(arguments: [2, 4])
  func partialSumsAreOfTheRanksOwnColumns(_ count: Int) throws {
    let scratch = try MadeCheckpoint(keyValueHeads: 2).write()
    let file = try SafetensorsFile(path: scratch.path + "/model.safetensors")
    func values(_ name: String) throws -> [Double] {
      try #require(file.tensors.first { $0.name == name }).tensor.float64Values()
    }
    let model = try TensorParallelLlama(checkpoint: scratch.path, rankCount: count)
    let ranks = try CollectedRun.ofRanks(model, from: Self.prompt, steps: 1)
    for name in ["model.layers.1.self_attn.o_proj", "model.layers.1.mlp.down_proj"] {
      let (weight, bias) = (try values(name + ".weight"), try values(name + ".bias"))
      let columns = weight.count / bias.count
      let width = columns / count
      for (rank, run) in ranks.enumerated() {
        let call = CallKey(step: 0, module: name)
        func tensor(_ slot: String) throws -> [Double] {
          let key = TensorKey(call, device: .cpu, slot: Slot(slot))
          return try #require(run.tensors[key]).float64Values()
        }
        let (input, output) = (try tensor("inputs_0"), try tensor("outputs"))
        #expect(input.count == Self.prompt.count * width)
        #expect(output.count == Self.prompt.count * bias.count)
        for (i, found) in output.enumerated() {
          let (row, unit) = i.quotientAndRemainder(dividingBy: bias.count)
          let first = unit * columns + rank * width
          let terms: [Double] = zip(
            input[row * width..<(row + 1) * width], weight[first..<first + width]
          ).map { $0 * $1 }
          let sum = terms.reduce(rank == 0 ? bias[unit] : 0, +)
          #expect(abs(found - sum) < 1e-5, "\(name), rank \(rank), element \(i)")
        }
      }
    }
  }

  /// Two key/value heads on four ranks are four: the cache is twice that of the whole model.
  @Test func replicatedHeadsNeedMemory() throws {
    let model = try TensorParallelLlama(checkpoint: GoldenRun.checkpoint, rankCount: 4)
    let cache = 4 * 1_000_000 * 2 * 4 * 2 * 16
    #expect(model.memory(rows: 1, positions: 1_000_000) > 2 * cache)
    #expect(model.memory(rows: 1, positions: 1_000_000) < 3 * cache)
  }

  @Test func threadsChangeNoBit() throws {
    let runs = try [1, 3].map {
      try CollectedRun.ofRanks(
        try TensorParallelLlama(checkpoint: GoldenRun.checkpoint, rankCount: 4, threads: $0),
        from: Self.prompt, steps: 2)
    }
    for (first, second) in zip(runs[0], runs[1]) {
      #expect(first.tensors.mapValues(\.bytes) == second.tensors.mapValues(\.bytes))
    }
  }

  @Test(arguments: 0..<3)
  func aRankThatFailsEndsTheOthers(_ rank: Int) throws {
    let scratch = try MadeCheckpoint().write()
    var model = try TensorParallelLlama(checkpoint: scratch.path, rankCount: 3)
    model.ranks[rank].norm.weight.removeLast()
    #expect(
      throws: LlamaError.misshapenValue(
        module: "model.norm", expected: [1, 6, 31], found: [1, 6, 32])
    ) { try CollectedRun.ofRanks(model, from: Self.prompt, steps: 2) }
  }

  @Test(arguments: [
    (
      "tiny-llama", 3,
      "3 ranks cannot share num_attention_heads 4: the number of ranks must divide it"
    ),
    (
      "made", 3,
      "3 ranks cannot share num_key_value_heads 2: the number of ranks must divide it, "
        + "or be a multiple of it"
    ),
    ("narrow", 4, "4 ranks cannot share intermediate_size 50: the number of ranks must divide it"),
    ("made", 0, "0 ranks: at least 1 is needed"), ("made", -2, "-2 ranks: at least 1 is needed"),
  ])
  func whatCannotBeSharedIsNamed(_ name: String, _ count: Int, _ message: String) throws {
    let made = MadeCheckpoint(keyValueHeads: 2, inner: name == "narrow" ? 50 : 48)
    let scratch = try made.write()
    let path = name == "tiny-llama" ? GoldenRun.checkpoint : scratch.path
    let error = #expect(throws: LlamaError.self) {
      try TensorParallelLlama(checkpoint: path, rankCount: count)
    }
    #expect(error?.description == message)
  }

  @Test func oneRankIsTheWholeModel() throws {
    let model = try TensorParallelLlama(checkpoint: GoldenRun.checkpoint, rankCount: 1)
    #expect(model.placements == nil)
    let ranks = try CollectedRun.ofRanks(model, from: Self.prompt, steps: 2)
    let whole = try CollectedRun(
      of: try Llama(checkpoint: GoldenRun.checkpoint), from: Self.prompt, steps: 2)
    #expect(ranks[0].tensors.mapValues(\.bytes) == whole.tensors.mapValues(\.bytes))
  }
}

/// What a model's placements say of tensors, in the words of the joiner.
private struct Placements {
  let rules: [JSONValue]
  let mesh: JSONValue?

  init(_ file: JSONValue) {
    rules = file.members?["rules"]?.items ?? []
    mesh = file.members?["mesh"]
  }

  subscript(key: TensorKey) -> JoinedRun.Rule? {
    get throws {
      let rule = try rules.first {
        try Self.matches(key.module, $0.members?["module"]?.text ?? "")
          && Self.matches(key.slot.rawValue, $0.members?["slot"]?.text ?? ".*")
      }
      let placement = try #require(rule?.members?["tp"])
      switch placement.text {
      case "replicate": return .equal
      case "partial": return .summed
      default:
        let members = try #require(placement.members)
        #expect(members["shard"]?.int == -1)
        #expect(Set(members.keys).isSubset(of: ["shard", "width", "replicas", "padding"]))
        return .concatenated(
          columns: try #require(members["width"]?.int), replicas: members["replicas"]?.int ?? 1,
          padding: members["padding"]?.int ?? 0)
      }
    }
  }

  private static func matches(_ text: String, _ pattern: String) throws -> Bool {
    text.range(of: "^(?:\(pattern))$", options: .regularExpression) != nil
  }
}
