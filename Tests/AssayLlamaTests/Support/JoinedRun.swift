import AssayTensors
import Testing

/// The whole run that rank runs make, joined by hand: what the tests know of tensor parallelism,
/// and nothing that the product says of it.
struct JoinedRun {
  /// How the ranks' tensors of one key were joined.
  enum Rule: Hashable {
    case equal
    case summed
    /// Side by side along the last axis, each part held by some neighbouring ranks.
    case concatenated(columns: Int, replicas: Int, padding: Int)
  }

  var tensors: [TensorKey: (values: [Double], rule: Rule)] = [:]

  /// - Parameter whole: The run of one rank, of which only shapes are used.
  init(_ ranks: [CollectedRun], whole: CollectedRun, keyValueHeads: Int) throws {
    for rank in ranks { try #require(Set(rank.tensors.keys) == Set(whole.tensors.keys)) }
    for (key, tensor) in whole.tensors {
      let parts = try ranks.map { try #require($0.tensors[key]) }
      for part in parts { try #require(part.dtype == tensor.dtype, "\(key)") }
      let columns = try #require(tensor.shape.dimensions.last)
      let replicas = max(ranks.count / keyValueHeads, 1)
      tensors[key] =
        switch (key.module.split(separator: ".").last, key.slot.rawValue) {
        case ("embed_tokens", "outputs"), ("o_proj", "outputs"), ("down_proj", "outputs"):
          try JoinedRun.sum(parts, tensor.shape)
        case ("q_proj", "outputs"), ("gate_proj", "outputs"), ("up_proj", "outputs"),
          ("act_fn", _), ("o_proj", "inputs_0"), ("down_proj", "inputs_0"):
          try JoinedRun.concatenate(parts, columns, replicas: 1)
        case ("k_proj", "outputs"), ("v_proj", "outputs"):
          try JoinedRun.concatenate(parts, columns, replicas: replicas)
        case ("lm_head", "outputs"): try JoinedRun.concatenate(parts, columns, replicas: 1)
        default: try JoinedRun.agreed(parts, tensor.shape, "\(key)")
        }
    }
  }

  private static func agreed(
    _ parts: [Tensor], _ shape: Shape, _ name: String
  ) throws -> ([Double], Rule) {
    for part in parts {
      #expect(part.shape == shape, "\(name)")
      #expect(part.bytes == parts[0].bytes, "\(name)")
    }
    return (parts[0].float64Values(), .equal)
  }

  private static func sum(_ parts: [Tensor], _ shape: Shape) throws -> ([Double], Rule) {
    var sum = [Double](repeating: 0, count: shape.elementCount)
    for part in parts {
      #expect(part.shape == shape)
      for (i, value) in part.float64Values().enumerated() { sum[i] += value }
    }
    return (sum, .summed)
  }

  /// Every part has the same width; what is beyond the columns must be 0.
  private static func concatenate(
    _ parts: [Tensor], _ columns: Int, replicas: Int
  ) throws -> ([Double], Rule) {
    var distinct: [[Double]] = []
    for (rank, part) in parts.enumerated() {
      if rank % replicas == 0 {
        distinct.append(part.float64Values())
      } else {
        #expect(part.bytes == parts[rank - 1].bytes)
      }
    }
    let width = try #require(parts[0].shape.dimensions.last)
    let padding = width * distinct.count - columns
    try #require(padding >= 0)
    var whole: [Double] = []
    for row in 0..<parts[0].elementCount / width {
      let joined = distinct.flatMap { $0[row * width..<(row + 1) * width] }
      whole += joined[..<columns]
      #expect(joined[columns...].allSatisfy { $0 == 0 })
    }
    return (whole, .concatenated(columns: columns, replicas: replicas, padding: padding))
  }
}

extension Tensor {
  /// The elements' bytes.
  var bytes: [UInt8] { withContiguousBytes { Array($0) } }
}
