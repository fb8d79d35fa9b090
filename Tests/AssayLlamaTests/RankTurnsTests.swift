import AssayTensors
import Synchronization
import Testing

@testable import AssayLlama

/// What ranks exchange, and in which order they run.
@Suite struct RankTurnsTests {
  /// What each rank gets, by rank.
  private static func results(
    _ parts: [[Float]], shape: [Int], dtype: DType = .float32,
    _ exchange: @escaping @Sendable (Rank, Activation) throws -> Activation
  ) throws -> [[Float]] {
    let found = Mutex([Int: [Float]]())
    let body = { @Sendable (rank: Rank) throws in
      let part = Activation(shape: shape, dtype: dtype) {
        _ = $0.update(fromContentsOf: parts[rank.index])
      }
      let result = try exchange(rank, part)
      found.withLock { $0[rank.index] = result.values }
    }
    try RankTurns(size: parts.count).run(first: body, others: body)
    return found.withLock { found in parts.indices.map { found[$0] ?? [] } }
  }

  /// 2^24 + 1 is no float32, 2^24 + 2 is one: only the order of the ranks gives 2^24.
  @Test func sumsAreInTheOrderOfTheRanks() throws {
    let sums = try Self.results([[0x1p24, 1], [1, 1], [1, 0x1p24]], shape: [1, 2]) {
      try $0.allReduce($1, .float32)
    }
    #expect(sums == [[Float]](repeating: [0x1p24, 0x1p24 + 2], count: 3))
  }

  /// Beyond 256 bfloat16 has even numbers only: each addition rounded by itself would give 256.
  @Test func aSumIsRoundedOnce() throws {
    let sums = try Self.results([[256], [1], [1]], shape: [1, 1], dtype: .bfloat16) {
      try $0.allReduce($1, .bfloat16)
    }
    #expect(sums == [[258], [258], [258]])
  }

  @Test func gatheredColumnsLosePaddingOnly() throws {
    let whole = try Self.results(
      [[1, 2, 11, 12], [3, 4, 13, 14], [5, 0, 15, 0], [0, 0, 0, 0]], shape: [1, 2, 2]
    ) { try $0.allGather($1, columns: 5) }
    #expect(whole == [[Float]](repeating: [1, 2, 3, 4, 5, 11, 12, 13, 14, 15], count: 4))
  }

  @Test func ranksTakeTurns() throws {
    let order = Mutex([Int]())
    _ = try Self.results([[1], [2], [3]], shape: [1, 1]) { rank, part in
      var sum = part
      for _ in 0..<3 {
        order.withLock { $0.append(rank.index) }
        sum = try rank.allReduce(sum, .float32)
      }
      return sum
    }
    #expect(order.withLock { $0 } == [0, 1, 2, 0, 1, 2, 0, 1, 2])
  }
}
