import AssayTensors
import Foundation

/// The ranks of one model in one process, which take turns: a rank computes until it needs what
/// the others have, and then the next one does.
///
/// So the ranks share no processor, hold the scratch memory of one, and nothing depends on how
/// threads are scheduled.
final class RankTurns: @unchecked Sendable {
  let size: Int
  // Guards all that follows, and is signalled whenever any of it changes.
  private let condition = NSCondition()
  private var turn = 0
  private var running: Int
  /// What the ranks before this one have given to the exchange under way, in their order.
  private var parts: [Activation] = []
  /// What the last exchange came to, until the last rank gives its part to the next one.
  private var result = Activation(shape: [0], dtype: .float32) { _ in }
  /// What ended the first rank that failed, and with it all others.
  private var failure: (any Error)?

  init(size: Int) {
    self.size = size
    running = size
  }

  /// Runs every rank once, each on a thread of its own; rank 0 on the caller's.
  ///
  /// - Returns: What rank 0 returns, once all have ended.
  /// - Throws: What the first rank to fail threw.
  func run<Output>(
    first: (Rank) throws -> Output, others: @escaping @Sendable (Rank) throws -> Void
  ) throws -> Output {
    for index in 1..<size {
      let thread = Thread { [self] in _ = take(Rank(index: index, group: self), others) }
      thread.name = "assay rank \(index)"
      thread.start()
    }
    let outcome = take(Rank(index: 0, group: self), first)
    condition.lock()
    defer { condition.unlock() }
    while running > 0 { condition.wait() }
    if let failure { throw failure }
    return try outcome.get()
  }

  private func take<Value>(
    _ rank: Rank, _ body: (Rank) throws -> Value
  ) -> Result<Value, any Error> {
    let outcome = Result {
      condition.lock()
      defer { condition.unlock() }
      try waitForTurn(of: rank.index)
    }.flatMap { Result { try body(rank) } }
    condition.lock()
    defer { condition.unlock() }
    if case .failure(let error) = outcome, failure == nil { failure = error }
    running -= 1
    passTurn()
    return outcome
  }

  /// Gives a rank's part to the others, and waits for what all parts make.
  ///
  /// - Parameter combine: Makes the result of all parts, in the order of the ranks.
  /// - Throws: What ended another rank.
  func exchange(
    _ part: Activation, from rank: Int, _ combine: ([Activation]) -> Activation
  ) throws -> Activation {
    condition.lock()
    defer { condition.unlock() }
    parts.append(part)
    if parts.count == size {
      result = combine(parts)
      parts = []
    }
    passTurn()
    try waitForTurn(of: rank)
    return result
  }

  private func passTurn() {
    turn = (turn + 1) % size
    condition.broadcast()
  }

  private func waitForTurn(of rank: Int) throws {
    while failure == nil, turn != rank { condition.wait() }
    if let failure { throw failure }
  }
}
