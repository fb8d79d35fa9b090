/// Finds the names that one was perhaps meant for.
package enum NearNames {
  /// The nearest of some names: those that hold the wanted one, and those that differ by few
  /// characters.
  ///
  /// - Parameters:
  ///   - names: All that there are.
  ///   - wanted: The name that is not among them.
  ///   - limit: How many are of use.
  /// - Complexity: O(names), each in the product of its length, cut at 200, with the wanted one's.
  package static func of(
    _ wanted: String, among names: some Sequence<String>, limit: Int = 3
  ) -> [String] {
    let target = Array(wanted.lowercased().utf8.prefix(200))
    guard !target.isEmpty else { return [] }
    let bound = max(1, target.count / 3)
    var found: [(distance: Int, name: String)] = []
    for name in Set(names) {
      let lowercase = name.lowercased()
      if lowercase.contains(wanted.lowercased()) {
        found.append((1, name))
      } else if abs(lowercase.utf8.count - target.count) <= bound {
        let distance = distance(target, Array(lowercase.utf8.prefix(200)))
        if distance <= bound { found.append((distance, name)) }
      }
    }
    let sorted = found.sorted {
      ($0.distance, $0.name.utf8.count, $0.name) < ($1.distance, $1.name.utf8.count, $1.name)
    }
    return sorted.prefix(limit).map(\.name)
  }

  /// How many characters are to be added, removed, replaced or swapped with the next one.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var before: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, before[j - 1] + 1) }
        row.append(best)
      }
      (before, last) = (last, row)
    }
    return last[b.count]
  }
}
