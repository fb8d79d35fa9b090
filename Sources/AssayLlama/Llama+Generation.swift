import AssayBase
public import AssayCapture

extension Llama {
  /// Continues a text greedily: always the token with the highest logit, the first of equals.
  ///
  /// - Parameters:
  ///   - tokenIDs: The prompt.
  ///   - steps: The number of forwards, each of which yields one token. A recording wants exactly
  ///     this many, so tokens that end a text do not stop it, unless `stopsAtEnd` is set.
  ///   - probe: What the modules announce their calls to.
  ///   - stopsAtEnd: Whether to stop behind one of the configuration's `endTokenIDs`.
  ///   - onToken: Called with each token as it is chosen.
  /// - Returns: The new tokens, without the prompt.
  /// - Throws: ``LlamaError`` before the first step where the prompt and the steps do not fit the
  ///   model, and what the probe throws.
  @discardableResult
  public func generate(
    from tokenIDs: [Int], steps: Int, probe: Probe = .detached, stopsAtEnd: Bool = false,
    onToken: ((Int) -> Void)? = nil
  ) throws -> [Int] {
    try checkGeneration(from: tokenIDs, steps: steps)
    return try generate(
      from: tokenIDs, steps: steps, probe: probe, rank: .alone, stopsAtEnd: stopsAtEnd,
      onToken: onToken)
  }

  /// Continues a text with a rank; every other rank of its group does the same.
  func generate(
    from tokenIDs: [Int], steps: Int, probe: Probe, rank: Rank, stopsAtEnd: Bool,
    onToken: ((Int) -> Void)?
  ) throws -> [Int] {
    let cache = KVCache()
    var generated: [Int] = []
    var next = tokenIDs
    for _ in 0..<steps {
      let logits = try forward(tokenIDs: next, cache: cache, probe: probe, rank: rank)
      let token = logits.argmaxOfLastRow
      generated.append(token)
      onToken?(token)
      if stopsAtEnd && configuration.endTokenIDs.contains(token) { break }
      next = [token]
    }
    return generated
  }

  /// Checks that the model can take a prompt and the steps after it, and memory the run.
  ///
  /// - Throws: ``LlamaError`` that names the token, the positions needed and known, or the memory
  ///   needed and available.
  public func checkGeneration(from tokenIDs: [Int], steps: Int) throws(LlamaError) {
    let positions = try positions(from: tokenIDs, steps: steps)
    try AvailableMemory.require(memory(rows: tokenIDs.count, positions: positions))
  }

  /// The positions of a prompt and the steps after it, once it is sure that the model knows them.
  func positions(from tokenIDs: [Int], steps: Int) throws(LlamaError) -> Int {
    guard steps > 0 else { throw .invalidStepCount(steps) }
    let (positions, overflow) = tokenIDs.count.addingReportingOverflow(steps - 1)
    try check(tokenIDs, positions: overflow ? .max : positions)
    return positions
  }
}

extension AvailableMemory {
  /// Makes sure that there are so many bytes.
  static func require(_ needed: Int) throws(LlamaError) {
    if let available = byteCount, needed > available {
      throw .insufficientMemory(needed: needed, available: available)
    }
  }
}

extension Activation {
  /// The position of the highest value in the last row, the first of equals.
  ///
  /// As in PyTorch, NaN is above everything.
  var argmaxOfLastRow: Int {
    let row = values.suffix(columns)
    var best = row.startIndex
    for i in row.indices {
      if row[i].isNaN { return i - row.startIndex }
      if row[i] > row[best] { best = i }
    }
    return best - row.startIndex
  }
}
