import AssayRuns
import AssayTensors

/// Says of failing tensors that they are their counterparts in another order of axes.
enum PermutedPairs {
  /// How many failing tensors are looked at, and how many sentences there are.
  private static let limit = 16
  private static let sentenceLimit = 3

  /// What was found, one sentence for each order and kind of module; empty for a match.
  static func notes(_ judged: [JudgedPair], reading read: PairJudge.Reader) -> [String] {
    var notes: [String] = []
    var seen = Set<String>()
    for pair in judged.lazy.filter(\.mayBePermuted).prefix(limit) {
      guard notes.count < sentenceLimit else { break }
      guard let actual = try? read(pair.pair, .actual).tensor,
        let expected = try? read(pair.pair, .expected).tensor,
        let order = AxisOrder(actual: actual, expected: expected),
        seen.insert("\(ModuleKind(pair.pair.key.module).name) \(pair.pair.key.slot)").inserted
      else { continue }
      let transforms = order.transforms.map(\.yaml).joined(separator: ", ")
      notes.append(
        "\(pair.pair.key) of the actual run is that of the expected run with \(order.text); if that is "
          + "meant, a mapping says so with actual_transform: [\(transforms)]")
    }
    return notes
  }
}

extension JudgedPair {
  /// Whether the tensors differ, and both have the same elements as far as their range tells.
  fileprivate var mayBePermuted: Bool {
    guard pair.actual?.isStored == true, pair.expected?.isStored == true else { return false }
    if result.verdict == .shape { return true }
    guard result.verdict == .values, let ours = result.actualStatistics,
      let theirs = result.expectedStatistics, let spread = theirs.standardDeviation
    else { return false }
    let figures = [(ours.min, theirs.min), (ours.max, theirs.max), (ours.mean, theirs.mean)]
    return figures.allSatisfy { first, second in
      guard let first, let second else { return false }
      return (first - second).magnitude <= 0.02 * spread
    }
  }
}
