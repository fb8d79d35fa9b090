import Assay
import Foundation
import NDArrays

/// The port of `Python/digit_reader.py`: 8 x 8 pixels in, ten logits out.
public struct DigitReader: Sendable {
  public var patchEmbed: Linear
  public var classToken: NDArray
  public var positions: NDArray
  public var blocks: [Block]
  public var norm: LayerNorm
  public var head: Linear

  /// - Parameter image: Shape [1, 8, 8].
  /// - Returns: Shape [1, 10].
  public func callAsFunction(_ image: NDArray, _ probe: Probe = .detached) throws -> NDArray {
    let patches = try probe("patchify", image) { Self.patches(of: $0) }
    let embedded = try probe("patch_embed", patches) { patchEmbed($0) }
    var hidden =
      NDArray(shape: positions.shape, values: classToken.values + embedded.values) + positions
    for (index, block) in blocks.enumerated() {
      let inside = probe.scope("blocks.\(index)")
      hidden = try probe("blocks.\(index)", hidden) { try block($0, inside) }
    }
    let normed = try probe("norm", hidden) { norm($0) }
    let summary = NDArray(shape: [1, normed.columns], values: Array(normed.row(0)))
    return try probe("head", summary) { head($0) }
  }

  /// The squares of 2 x 2 pixels, as rows: [1, 16, 4].
  static func patches(of image: NDArray) -> NDArray {
    let size = image.columns
    var values: [Float] = []
    for y in stride(from: 0, to: size, by: 2) {
      for x in stride(from: 0, to: size, by: 2) {
        for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
          values.append(image.values[(y + dy) * size + x + dx])
        }
      }
    }
    return NDArray(shape: [1, values.count / 4, 4], values: values)
  }
}

public struct Block: Sendable {
  public var norm1: LayerNorm
  public var attention: Attention
  public var norm2: LayerNorm
  public var mlp: MLP

  public func callAsFunction(_ x: NDArray, _ probe: Probe = .detached) throws -> NDArray {
    let normed1 = try probe("norm1", x) { norm1($0) }
    let attended =
      try x + probe("attn", normed1) { try attention($0, probe.scope("attn")) }
    let normed2 = try probe("norm2", attended) { norm2($0) }
    return try attended + probe("mlp", normed2) { try mlp($0, probe.scope("mlp")) }
  }
}

public struct Attention: Sendable {
  public var qkv: Linear
  public var proj: Linear
  public var headCount = 2

  public func callAsFunction(_ x: NDArray, _ probe: Probe = .detached) throws -> NDArray {
    let mixed = try probe("qkv", x) { qkv($0) }
    let width = x.columns
    let size = width / headCount
    let heads = (0..<headCount).map { head in
      let parts = (0..<3).map { part in
        mixed.columns(part * width + head * size..<part * width + (head + 1) * size)
      }
      let scores = parts[0].times(transposed: parts[1]).mapRows { softmax($0, size) }
      return scores.times(transposed: parts[2].transposed())
    }
    let rows = (0..<x.rows).flatMap { row in heads.flatMap { $0.row(row) } }
    return try probe("proj", NDArray(shape: x.shape, values: rows)) { proj($0) }
  }

  private func softmax(_ row: ArraySlice<Float>, _ size: Int) -> [Float] {
    let scaled = row.map { $0 / Float(size).squareRoot() }
    let top = scaled.max() ?? 0
    let powers = scaled.map { exp($0 - top) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}

public struct MLP: Sendable {
  public var fc1: Linear
  public var activation = GELU()
  public var fc2: Linear

  public func callAsFunction(_ x: NDArray, _ probe: Probe = .detached) throws -> NDArray {
    let wide = try probe("fc1", x) { fc1($0) }
    let active = try probe("act", wide) { activation($0) }
    return try probe("fc2", active) { fc2($0) }
  }
}
