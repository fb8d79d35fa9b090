/// The merges that a word still offers, the lowest rank first, leftmost among equals.
struct MergeQueue {
  struct Candidate {
    var rank: Int
    var position: Int
    var left: Int
    var right: Int

    func precedes(_ other: Candidate) -> Bool {
      (rank, position) < (other.rank, other.position)
    }
  }

  /// A binary heap.
  private var items: [Candidate] = []

  /// - Complexity: O(log n).
  mutating func insert(_ candidate: Candidate) {
    items.append(candidate)
    var child = items.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard items[child].precedes(items[parent]) else { return }
      items.swapAt(child, parent)
      child = parent
    }
  }

  /// - Complexity: O(log n).
  mutating func popFirst() -> Candidate? {
    guard let last = items.popLast() else { return nil }
    guard let first = items.first else { return last }
    items[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < items.count {
        if items[child].precedes(items[least]) { least = child }
      }
      guard least != parent else { return first }
      items.swapAt(least, parent)
      parent = least
    }
  }
}
