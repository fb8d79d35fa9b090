/// What two tensors of logits say about tokens: the last axis is the vocabulary, and every row is
/// the prediction for one position.
///
/// Of equal logits the one with the lowest token id counts as the larger, as `torch.argmax` and
/// greedy decoding take it.
package struct LogitsDifference: Sendable, Equatable, Codable {
  /// One position's greedy token under both, and what became of it.
  package struct Position: Sendable, Equatable, Codable {
    /// The row, counted in row-major order.
    package var row: Int
    /// The token with the largest expected logit.
    package var expectedToken: Int
    /// The token with the largest actual logit.
    package var actualToken: Int
    /// The place of the expected token among the actual logits, from 1 for the largest.
    package var rank: Int
    /// The Kullback-Leibler divergence of the actual from the expected distribution, in nats.
    package var divergence: Double
  }

  /// The number of positions compared: rows in which every logit of both is finite, or -inf.
  package var positionCount = 0
  /// The number of rows that were left out, since a logit is NaN or +inf.
  package var undefinedCount = 0
  /// The share of positions whose greedy tokens are the same.
  package var greedyAgreement = 0.0
  /// For each k the mean share of the k expected largest that are among the k actual largest.
  package var topKAgreement: [Int: Double] = [:]
  /// The mean over positions of the Kullback-Leibler divergence, in nats.
  package var meanDivergence = 0.0
  /// The position with the largest divergence; `nil` without positions.
  package var worst: Position?
  /// The first position whose greedy tokens differ.
  package var firstOtherToken: Position?
  /// The last position, from which the next token is taken; `nil` where it is undefined.
  package var last: Position?

  /// The numbers of tokens whose agreement is told, as far as the vocabulary has so many.
  package static let tokenCounts = [5, 10]
}
