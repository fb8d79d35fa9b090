/// What one rank of a tensor-parallel model holds of the axes that are cut.
struct Shard: Sendable {
  let rank: Int
  let rankCount: Int
  /// Cut nowhere.
  let hidden: AxisPart
  let heads: AxisPart
  /// Where there are more ranks than heads, neighbouring ranks hold the same one.
  let keyValueHeads: AxisPart
  /// The MLP's inner axis.
  let inner: AxisPart
  /// The tokens of the rank: fewer than ``logitCount`` where the vocabulary is padded.
  let vocabulary: AxisPart
  /// The logits of every rank, those of the padding included.
  let logitCount: Int

  /// The one key whose number need not be divided.
  static let keyValueHeadsKey = "num_key_value_heads"

  /// Cuts a model as vLLM and Megatron do.
  ///
  /// - Parameters:
  ///   - configuration: The whole model's shape.
  ///   - rank: The rank, from 0.
  ///   - rankCount: Which must divide the query heads and the MLP's inner axis, and divide the
  ///     key/value heads or be divided by them.
  /// - Throws: ``LlamaError/invalidRankCount(_:)``, or ``LlamaError/unevenSplit(key:value:ranks:)``
  ///   naming what cannot be cut.
  init(
    _ configuration: LlamaConfiguration, rank: Int, of rankCount: Int
  ) throws(LlamaError) {
    guard rankCount > 0 else { throw .invalidRankCount(rankCount) }
    self.rank = rank
    self.rankCount = rankCount
    func part(_ key: String, _ whole: Int) throws(LlamaError) -> AxisPart {
      guard whole.isMultiple(of: rankCount) else {
        throw .unevenSplit(key: key, value: whole, ranks: rankCount)
      }
      return AxisPart(whole, rank, of: whole / rankCount)
    }
    hidden = .whole(configuration.hiddenSize)
    heads = try part("num_attention_heads", configuration.headCount)
    let keyValueHeadCount = configuration.keyValueHeadCount
    keyValueHeads =
      rankCount.isMultiple(of: keyValueHeadCount)
      ? AxisPart(keyValueHeadCount, rank / (rankCount / keyValueHeadCount), of: 1)
      : try part(Shard.keyValueHeadsKey, keyValueHeadCount)
    inner = try part("intermediate_size", configuration.intermediateSize)
    logitCount = (configuration.vocabularySize - 1) / rankCount + 1
    vocabulary = AxisPart(configuration.vocabularySize, rank, of: logitCount)
  }
}

/// A part of an axis.
struct AxisPart: Sendable {
  let whole: Int
  let range: Range<Int>

  /// The part at an index, of parts of one length; the last ones may be shorter, or empty.
  init(_ whole: Int, _ index: Int, of length: Int) {
    self.whole = whole
    range = min(index * length, whole)..<min((index + 1) * length, whole)
  }

  /// All of an axis.
  static func whole(_ count: Int) -> AxisPart { AxisPart(count, 0, of: count) }

  var count: Int { range.count }

  /// The same part where each index stands for several entries.
  func scaled(by factor: Int) -> AxisPart {
    AxisPart(whole * factor, range.lowerBound * factor..<range.upperBound * factor)
  }

  private init(_ whole: Int, _ range: Range<Int>) {
    self.whole = whole
    self.range = range
  }
}
