/// One row of a run: a token of a request.
package struct Row: Hashable, Sendable, Codable {
  /// The request in order of arrival, from 0, as the expected run counts.
  package var request: Int
  /// The position in the request's text, from 0.
  package var position: Int
  /// How often the run had computed the row before.
  package var occurrence = 0
}

/// The rows along the first axis of a tensor.
package final class RowList: Sendable, Hashable, Codable {
  /// The rows in order, each once.
  package let rows: [Row]
  /// Rows that the run computed in a step in which the tensor is missing.
  let lacking: [Row]

  init(_ rows: [Row], lacking: [Row] = []) {
    self.rows = rows
    self.lacking = lacking
  }

  package static func == (left: RowList, right: RowList) -> Bool {
    left === right || left.rows == right.rows && left.lacking == right.lacking
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(rows)
    hasher.combine(lacking)
  }

  /// Where the rows that both lists have stand in either, in this list's order.
  ///
  /// - Complexity: O(rows of both).
  func common(with other: RowList) -> BothPositions {
    let places = Dictionary(
      other.rows.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var positions = BothPositions(mine: [], theirs: [])
    for (position, row) in rows.enumerated() {
      guard let place = places[row] else { continue }
      positions.mine.append(position)
      positions.theirs.append(place)
    }
    return positions
  }

  /// Positions of the same rows in two lists.
  struct BothPositions {
    var mine: [Int]
    var theirs: [Int]
  }
}

/// What became of the rows of two runs.
///
/// Every row of either run is compared, not computed by the other run, computed once more than the
/// other run did, or padding.
package struct RowSummary: Sendable, Equatable {
  /// Rows of either run that the other one has too, counted once.
  package var compared = 0
  /// Rows of the expected run that the actual run never computed, for example because a cached
  /// prefix held them.
  package var notComputedInActual = 0
  /// Rows of the actual run that the expected run never computed.
  package var notComputedInExpected = 0
  /// Rows that the actual run computed more often than the expected one.
  package var againInActual = 0
  /// Rows that the expected run computed more often than the actual one.
  package var againInExpected = 0
  /// Rows of the actual run's tensors that belong to no request.
  package var paddingInActual = 0
  /// Rows of the expected run's tensors that belong to no request.
  package var paddingInExpected = 0
  /// Whose steps the result is told in.
  package var areStepsExpected = true
  /// How many rows of both runs each step has.
  var rowCounts: [Int: Int] = [:]
  /// What the runs called the requests, by the expected run's ordinals.
  package var requestIDs: [Int: String] = [:]
}
