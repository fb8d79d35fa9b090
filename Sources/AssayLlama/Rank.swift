/// One rank's place among those that compute a model together.
struct Rank: Sendable {
  /// From 0.
  let index: Int
  let group: RankTurns

  /// The only rank of a model that is not split.
  static let alone = Rank(index: 0, group: RankTurns(size: 1))
}

extension Rank {
  /// The sum of what every rank has: added in float32 in the order of the ranks, rounded once.
  func allReduce(_ part: Activation, _ rounding: Rounding) throws -> Activation {
    guard group.size > 1 else { return part }
    return try group.exchange(part, from: index) { parts in
      Activation(shape: part.shape, dtype: rounding.dtype) { sum in
        _ = sum.update(fromContentsOf: parts[0].values)
        for next in parts.dropFirst() {
          for i in sum.indices { sum[i] += next.values[i] }
        }
        rounding.round(sum)
      }
    }
  }

  /// The columns of every rank side by side, in the order of the ranks.
  ///
  /// - Parameter columns: How many there are without padding, which comes last.
  func allGather(_ part: Activation, columns: Int) throws -> Activation {
    guard group.size > 1 else { return part }
    return try group.exchange(part, from: index) { parts in
      Activation(shape: part.shape(columns: columns), dtype: part.dtype) { whole in
        for (rank, next) in parts.enumerated() {
          let own = AxisPart(columns, rank, of: part.columns).range
          for row in 0..<part.rows {
            let (target, source) = (row * columns + own.lowerBound, row * part.columns)
            _ = UnsafeMutableBufferPointer(rebasing: whole[target..<target + own.count])
              .update(fromContentsOf: next.values[source..<source + own.count])
          }
        }
      }
    }
  }
}
