import AssayTensors

/// What some of the pairs of two runs came to: one part of a comparison that many processes make.
///
/// Parts merge in any order and grouping. What they have in common, ``head``, says of which
/// comparison they are, so that no part of another one is taken for one of it.
package struct PartialComparison: Sendable {
  /// Of which comparison a part is.
  package struct Head: Codable, Equatable, Sendable {
    /// The version of Assay, which decides how runs pair.
    var assay: String
    var actual: RunIdentity
    var expected: RunIdentity
    /// The noise floor; `nil` without one.
    var floor: RunIdentity?
    /// What was asked for, as the arguments that would ask for it again.
    package var request: [String]
    /// The SHA-256 of the files that the request names.
    package var files: [String: String]
    /// How many pairs the whole comparison has.
    var pairCount: Int
    /// Into how many shards it was cut.
    package var shardCount: Int
  }

  /// What one pair came to.
  struct Result: Codable, Sendable {
    /// The position of the pair among all.
    var pair: Int
    var outcome: Outcome
    var ruling: TensorResult.Ruling?
    /// The position of its rows in ``rowLists``.
    var rows: Int?
    /// What was read, of tensors of which some pair takes only a part.
    var actual: TensorSourceReader.Slice?
    var expected: TensorSourceReader.Slice?
  }

  /// The file, for messages.
  package var path: String
  /// Of which comparison it is.
  package var head: Head
  /// Which shards it holds, from 1, ascending.
  package var shards: [Int]
  /// The rows that were compared, each list once.
  var rowLists: [RowList] = []
  /// Ascending by pair.
  var results: [Result] = []

  /// The most shards that a comparison is cut into.
  package static let shardLimit = 1 << 16
}

extension PartialComparison {
  /// Makes one part of several.
  ///
  /// - Parameters:
  ///   - parts: At least one, in any order.
  ///   - path: What messages call the result.
  /// - Throws: ``ComparisonError/unusablePart(path:reason:)`` for parts of different comparisons and
  ///   for a shard that two have.
  package init(merging parts: [PartialComparison], path: String) throws(ComparisonError) {
    guard let first = parts.first else {
      throw .unusablePart(path: path, reason: "there are no parts to merge")
    }
    self = first
    self.path = path
    var holders: [Int: String] = [:]
    var lists = Dictionary(
      rowLists.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    for part in parts {
      if let reason = part.head.difference(from: first.head, of: first.path) {
        throw .unusablePart(path: part.path, reason: reason)
      }
      for shard in part.shards {
        if let other = holders.updateValue(part.path, forKey: shard) {
          throw .unusablePart(
            path: part.path,
            reason: "it holds shard \(shard) of \(head.shardCount), which "
              + (other == part.path ? "was given before" : "\(other) holds too"))
        }
      }
    }
    for part in parts.dropFirst() {
      let places = part.rowLists.map { list -> Int in
        if let known = lists[list] { return known }
        lists[list] = rowLists.count
        rowLists.append(list)
        return rowLists.count - 1
      }
      shards += part.shards
      results += part.results.map { result in
        var result = result
        result.rows = result.rows.map { places[$0] }
        return result
      }
    }
    shards.sort()
    results.sort { $0.pair < $1.pair }
    // In the order of their use: the bytes are the same in whatever order parts were merged.
    var places: [Int: Int] = [:]
    for position in results.indices {
      guard let list = results[position].rows else { continue }
      let place = places[list] ?? places.count
      places[list] = place
      results[position].rows = place
    }
    rowLists = places.sorted { $0.value < $1.value }.map { rowLists[$0.key] }
  }
}

extension PartialComparison {
  /// Makes sure that all shards are there.
  ///
  /// - Throws: ``ComparisonError/missingShards(_:count:)``.
  package func checkShards() throws(ComparisonError) {
    let missing = Set(1...head.shardCount).subtracting(shards).sorted()
    guard missing.isEmpty else { throw .missingShards(missing, count: head.shardCount) }
  }
}

extension PartialComparison.Head {
  /// Why a part is of another comparison than one whose head is `other`; `nil` where it is not.
  package func difference(from other: Self, of name: String) -> String? {
    if assay != other.assay {
      return "it was made by Assay \(assay), and \(name) by \(other.assay)"
    }
    for (side, ours, theirs) in [
      ("actual", actual, other.actual), ("expected", expected, other.expected),
    ] {
      if let text = ours.difference(from: theirs, side, name) { return text }
    }
    let (own, others) = (Self.options(request), Self.options(other.request))
    if let option = Set(own.keys).union(others.keys).sorted().first(where: { own[$0] != others[$0] }
    ) {
      func text(_ values: [String]?) -> String { values?.joined(separator: " ") ?? "not given" }
      return "of \(name) \(option) is \(text(others[option])), of this part \(text(own[option]))"
    }
    for path in Set(files.keys).union(other.files.keys).sorted()
    where files[path] != other.files[path] {
      return "\(path) was another file when it was made than for \(name)"
    }
    if let floor, let theirs = other.floor,
      let text = floor.difference(from: theirs, "floor", name)
    {
      return text
    }
    if shardCount != other.shardCount {
      return "it is of \(shardCount) shards, and \(name) of \(other.shardCount)"
    }
    return self == other ? nil : "it is of another comparison than \(name)"
  }

  /// The values of a request by the options that they are given to.
  private static func options(_ request: [String]) -> [String: [String]] {
    Dictionary(grouping: request) { String($0.prefix { $0 != "=" }) }
      .mapValues { $0.map { String($0.drop { $0 != "=" }.dropFirst()) } }
  }
}

extension RunIdentity {
  fileprivate func difference(from other: Self, _ side: String, _ name: String) -> String? {
    if path != other.path || id != other.id {
      return "its \(side) run is \(path), run \(id), and that of \(name) is \(other.path), "
        + "run \(other.id)"
    }
    guard index != other.index else { return nil }
    return "the \(side) run, \(path), held other tensors when it was made than for \(name)"
  }
}
