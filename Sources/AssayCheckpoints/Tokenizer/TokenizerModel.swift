import AssayBase

/// The vocabulary and the merges of a byte-level BPE model.
struct BytePairModel: Sendable {
  private let pieces: [Int: [UInt8]]
  private let byteIDs: [Int?]
  private let words: [[UInt8]: Int]
  private let merges: [Pair: Merge]
  private let unknownID: Int?
  private let fusesUnknown: Bool

  private struct Pair: Hashable {
    var left: Int
    var right: Int
  }

  private struct Merge {
    var rank: Int
    var id: Int
  }

  init(_ model: TokenizerFile.Model) throws {
    try BytePairModel.checkOptions(model)
    var pieces: [Int: [UInt8]] = [:]
    var words: [[UInt8]: Int] = [:]
    var byteIDs = [Int?](repeating: nil, count: 256)
    for (token, id) in model.vocabulary {
      guard id >= 0, pieces.updateValue(ByteAlphabet.decodedBytes(of: token), forKey: id) == nil
      else {
        throw TokenizerFileError.malformed("the id \(id) of '\(token)' is negative or not its own")
      }
      guard let bytes = ByteAlphabet.bytes(of: token) else { continue }
      if bytes.count == 1 { byteIDs[Int(bytes[0])] = id }
      if model.ignoreMerges == true { words[bytes] = id }
    }
    func id(of token: String) throws -> Int {
      guard let id = model.vocabulary[token] else {
        throw TokenizerFileError.malformed("a merge needs '\(token)', which is not in the vocab")
      }
      return id
    }
    var merges: [Pair: Merge] = [:]
    merges.reserveCapacity(model.merges.count)
    for (rank, (left, right)) in model.merges.enumerated() {
      let pair = Pair(left: try id(of: left), right: try id(of: right))
      merges[pair] = Merge(rank: rank, id: try id(of: left + right))
    }
    self.pieces = pieces
    self.words = words
    self.byteIDs = byteIDs
    self.merges = merges
    unknownID = try model.unknownToken.map(id(of:))
    fusesUnknown = model.fuseUnknown == true
  }

  private static func checkOptions(_ model: TokenizerFile.Model) throws {
    let options: [(isSet: Bool, name: String)] = [
      ((model.dropout ?? 0) != 0, "dropout"),
      (model.byteFallback == true, "byte_fallback"),
      (model.continuingSubwordPrefix?.isEmpty == false, "continuing_subword_prefix"),
      (model.endOfWordSuffix?.isEmpty == false, "end_of_word_suffix"),
    ]
    for option in options where option.isSet {
      throw TokenizerFileError.unsupported("a model with \(option.name)")
    }
  }

  /// The bytes that a token adds to decoded text, or `nil` for an unknown id.
  func bytes(of id: Int) -> [UInt8]? {
    pieces[id]
  }

  /// Merges the bytes of one word, the pair of the lowest rank first, leftmost among equals.
  ///
  /// - Complexity: O(n log n).
  func encode(_ word: [UInt8]) -> [Int] {
    if let id = words[word] { return [id] }
    var ids: [Int] = []
    ids.reserveCapacity(word.count)
    var followsUnknown = false
    for byte in word {
      let id = byteIDs[Int(byte)]
      if let id = id ?? (followsUnknown && fusesUnknown ? nil : unknownID) { ids.append(id) }
      followsUnknown = id == nil
    }
    return merged(ids)
  }

  private func merged(_ symbols: [Int]) -> [Int] {
    var ids = symbols.map(Optional.some)  // nil: merged into the symbol before
    var next = Array(1...max(symbols.count, 1))
    var previous = Array(-1..<symbols.count)
    var queue = MergeQueue()

    func offer(_ left: Int) {
      guard left >= 0, next[left] < ids.count, let first = ids[left], let second = ids[next[left]],
        let merge = merges[Pair(left: first, right: second)]
      else { return }
      queue.insert(.init(rank: merge.rank, position: left, left: first, right: second))
    }

    for position in symbols.indices.dropLast() { offer(position) }
    while let candidate = queue.popFirst() {
      let left = candidate.position
      let right = next[left]
      // A pair that has changed since it was offered was offered again.
      guard right < ids.count, ids[left] == candidate.left, ids[right] == candidate.right,
        let merge = merges[Pair(left: candidate.left, right: candidate.right)]
      else { continue }
      ids[left] = merge.id
      ids[right] = nil
      next[left] = next[right]
      if next[left] < ids.count { previous[next[left]] = left }
      offer(previous[left])
      offer(left)
    }
    return ids.compactMap(\.self)
  }
}
