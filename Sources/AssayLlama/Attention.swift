import AssayCapture
import Foundation

/// Causal self-attention with grouped query heads, of all heads or of a rank's.
package struct Attention: Sendable {
  package var qProj: Linear
  package var kProj: Linear
  package var vProj: Linear
  package var oProj: Linear
  /// Whether a position sees only itself and those before it; tests plant a bug here.
  package var isCausal = true
  let index: Int
  let headCount: Int
  let keyValueHeadCount: Int
  let headDimension: Int
  let name: String
  let rounding: Rounding
  let blas: BLAS

  /// How many keys are weighed together, as in PyTorch's flash attention on the CPU.
  private static let blockLength = 512

  func callAsFunction(
    _ hidden: Activation, tables: RotaryTables, cache: KVCache, rank: Rank, probe: Probe
  ) throws -> Activation {
    let query = try probe("q_proj", hidden) { try qProj($0) }
    let key = try probe("k_proj", hidden) { try kProj($0) }
    let value = try probe("v_proj", hidden) { try vProj($0) }
    let rows = [query, key, value, tables.cosines, tables.sines].map(\.rows)
    guard rows.allSatisfy({ $0 == hidden.rows }), tables.cosines.columns == headDimension,
      tables.sines.columns == headDimension
    else {
      throw LlamaError.misshapenValue(
        module: name, expected: [1, hidden.rows, headDimension], found: tables.cosines.shape)
    }
    store(rotated(key, tables, heads: keyValueHeadCount), value, in: cache)
    let attended = attend(rotated(query, tables, heads: headCount), cache.layers[index])
    let output = try probe("o_proj", attended) { try oProj($0) }
    return try rank.allReduce(output, rounding)
  }

  private func rotated(_ input: Activation, _ tables: RotaryTables, heads: Int) -> Activation {
    Activation(shape: input.shape, dtype: rounding.dtype) { result in
      _ = result.update(fromContentsOf: input.values)
      tables.rotate(result, heads: heads, rounding)
    }
  }

  private func store(_ key: Activation, _ value: Activation, in cache: KVCache) {
    let size = headDimension
    cache.layers[index].length += key.rows
    for row in 0..<key.rows {
      for head in 0..<keyValueHeadCount {
        let start = (row * keyValueHeadCount + head) * size
        cache.layers[index].keys[head] += key.values[start..<start + size]
        cache.layers[index].values[head] += value.values[start..<start + size]
      }
    }
  }
}

extension Attention {
  /// The attention of all heads; queries are the last positions of what the layer has seen.
  func attend(_ query: Activation, _ layer: KVCache.Layer) -> Activation {
    let group = headCount / keyValueHeadCount
    let scratch = query.rows * Attention.blockLength
    return Activation(shape: query.shape, dtype: rounding.dtype) { result in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: scratch) { scores in
        query.values.withUnsafeBufferPointer { query in
          for head in 0..<headCount {
            layer.keys[head / group].withUnsafeBufferPointer { keys in
              layer.values[head / group].withUnsafeBufferPointer { values in
                attend(query, head: head, keys, values, scores, into: result)
              }
            }
          }
        }
      }
      rounding.round(result)
    }
  }

  /// One head: a running softmax over blocks of keys.
  ///
  /// The order of PyTorch's flash attention: scores and sums in float32, the weights rounded to
  /// the dtype before they meet the values, one division at the end.
  private func attend(
    _ query: UnsafeBufferPointer<Float>, head: Int, _ keys: UnsafeBufferPointer<Float>,
    _ values: UnsafeBufferPointer<Float>, _ scores: UnsafeMutableBufferPointer<Float>,
    into result: UnsafeMutableBufferPointer<Float>
  ) {
    let (size, stride) = (headDimension, headCount * headDimension)
    let (rows, total) = (query.count / stride, keys.count / size)
    guard let query = query.baseAddress, let keys = keys.baseAddress,
      let values = values.baseAddress, let scoreStart = scores.baseAddress,
      let resultStart = result.baseAddress
    else { return }
    let output = resultStart + head * size
    var softmax = [RunningSoftmax](repeating: RunningSoftmax(), count: rows)
    for first in Swift.stride(from: 0, to: total, by: Attention.blockLength) {
      let count = min(Attention.blockLength, total - first)
      blas.multiply(
        Matrix(query + head * size, rows: rows, columns: size, stride: stride),
        transposed: Matrix(keys + first * size, rows: count, columns: size),
        into: scoreStart, stride: count)
      for row in 0..<rows {
        let limit = isCausal ? total - rows + row + 1 : total
        let seen = min(max(limit - first, 0), count)
        let weights = UnsafeMutableBufferPointer(start: scoreStart + row * count, count: count)
        softmax[row].update(
          weights, seen: seen, scale: 1 / Float(size).squareRoot(),
          output: UnsafeMutableBufferPointer(start: output + row * stride, count: size))
        rounding.round(weights)
      }
      blas.accumulate(
        Matrix(scoreStart, rows: rows, columns: count),
        Matrix(values + first * size, rows: count, columns: size), into: output, stride: stride)
    }
    for row in 0..<rows {
      let reciprocal = 1 / softmax[row].sum
      for i in 0..<size { output[row * stride + i] *= reciprocal }
    }
  }
}

/// The softmax of one query as far as its keys have been seen.
private struct RunningSoftmax {
  var maximum = -Float.infinity
  var sum: Float = 0

  /// Turns a block of scores into weights that are not divided by their sum yet.
  ///
  /// - Parameters:
  ///   - scores: Products of query and keys; weights on return.
  ///   - seen: How many of them the query may see; the rest gets weight 0.
  ///   - scale: What scores are multiplied with.
  ///   - output: The weighted values so far, which are scaled to the new maximum.
  mutating func update(
    _ scores: UnsafeMutableBufferPointer<Float>, seen: Int, scale: Float,
    output: UnsafeMutableBufferPointer<Float>
  ) {
    for i in seen..<scores.count { scores[i] = 0 }
    guard seen > 0 else { return }
    var newMaximum = maximum
    for i in 0..<seen {
      scores[i] *= scale
      newMaximum = max(newMaximum, scores[i])
    }
    var blockSum: Float = 0
    for i in 0..<seen {
      scores[i] = exp(scores[i] - newMaximum)
      blockSum += scores[i]
    }
    let correction = exp(maximum - newMaximum)
    sum = blockSum + correction * sum
    if maximum > -.infinity {
      for i in output.indices { output[i] *= correction }
    }
    maximum = newMaximum
  }
}
