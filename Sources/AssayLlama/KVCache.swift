public import AssayCapture
public import AssayRuns

/// The keys and values of the tokens that a model has seen.
///
/// One cache belongs to one text; it grows with each forward.
public final class KVCache {
  /// One layer's keys and values, for each head the rows of all positions.
  struct Layer {
    var keys: [[Float]]
    var values: [[Float]]
    /// The number of tokens that it has seen, which within a step is more than the cache's.
    var length = 0
  }

  /// Filled layer by layer; empty until the first forward.
  var layers: [Layer] = []
  /// The number of tokens that every layer has seen.
  public internal(set) var length = 0
  /// The request, in order of arrival, that the rows of the text's steps are recorded under.
  public let request: Int

  /// Makes an empty cache.
  ///
  /// - Parameter request: Another one for each text of a recording.
  public init(request: Int = 0) { self.request = request }

  /// Forgets what layers have stored beyond `length`, after a forward that failed.
  func truncate(rowLength: Int) {
    let count = length * rowLength
    for layer in layers.indices {
      layers[layer].length = length
      for head in layers[layer].keys.indices where layers[layer].keys[head].count > count {
        layers[layer].keys[head].removeLast(layers[layer].keys[head].count - count)
        layers[layer].values[head].removeLast(layers[layer].values[head].count - count)
      }
    }
  }
}

extension KVCache: Capturable {
  /// Described as transformers' cache prints itself; its tensors are not recorded.
  public var capturedValue: CapturedValue {
    let names = layers.map { _ in "DynamicLayer" }.joined(separator: ", ")
    return .state(
      type: "DynamicCache", representation: "DynamicCache(layers=[\(names)])",
      length: layers.map(\.length).min() ?? 0)
  }
}
