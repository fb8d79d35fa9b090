import AssayTensors

/// Finds order statistics of `|d|` without holding the values of a large tensor.
///
/// As many magnitudes as weigh what a histogram does are sorted. More are selected: they sort as
/// their bit patterns do, so each pass counts how often the next 16 bits occur below the prefixes
/// found so far, and settles those bits. Figures of short floats end in zeros, which need no pass.
struct QuantileSelection: ArithmeticTask {
  let actual: Tensor
  let expected: Tensor
  let fractions: [Double]
  /// How many magnitudes are sorted at most: those that weigh as much as a histogram.
  var sortLimit = 1 << 16

  private struct Search {
    var prefix: UInt64 = 0
    var rank = 0
  }

  func run<Arithmetic: PairArithmetic>(_ arithmetic: Arithmetic.Type) -> [Double] {
    actual.shape.elementCount <= sortLimit ? sorted(arithmetic) : selected(arithmetic)
  }

  private func sorted<Arithmetic: PairArithmetic>(_ arithmetic: Arithmetic.Type) -> [Double] {
    var magnitudes: [UInt64] = []
    magnitudes.reserveCapacity(actual.shape.elementCount)
    forEachGap(arithmetic) { magnitudes.append($0) }
    guard !magnitudes.isEmpty else { return [] }
    magnitudes.sort()
    return fractions.map {
      Double(bitPattern: magnitudes[Int($0 * Double(magnitudes.count - 1))])
    }
  }

  private func selected<Arithmetic: PairArithmetic>(_ arithmetic: Arithmetic.Type) -> [Double] {
    var leading = [Int](repeating: 0, count: 1 << 16)
    var union: UInt64 = 0
    leading.withUnsafeMutableBufferPointer { leading in
      forEachGap(arithmetic) { bits in
        union |= bits
        leading[Int(bits >> 48)] += 1
      }
    }
    let count = leading.reduce(0, +)
    guard count > 0 else { return [] }
    var searches = fractions.map { Search(rank: Int($0 * Double(count - 1))) }
    settle(&searches, below: [0], leading)
    for shift in [32, 16, 0] as [UInt64] {
      let prefixes = Set(searches.map(\.prefix)).sorted()
      var histograms = [Int](repeating: 0, count: prefixes.count << 16)
      if union >> shift & 0xFFFF == 0 {
        for position in prefixes.indices { histograms[position << 16] = count }
      } else {
        histograms.withUnsafeMutableBufferPointer { histograms in
          forEachGap(arithmetic) { bits in
            let prefix = bits >> (shift + 16)
            for position in prefixes.indices where prefixes[position] == prefix {
              histograms[position << 16 | Int(bits >> shift & 0xFFFF)] += 1
            }
          }
        }
      }
      settle(&searches, below: prefixes, histograms)
    }
    return searches.map { Double(bitPattern: $0.prefix) }
  }

  /// Puts the next digit to each search's prefix.
  ///
  /// - Parameter histograms: How often each digit follows each of the prefixes, one after the other.
  private func settle(
    _ searches: inout [Search], below prefixes: [UInt64], _ histograms: [Int]
  ) {
    for i in searches.indices {
      guard let position = prefixes.firstIndex(of: searches[i].prefix) else { continue }
      var digit = 0
      while searches[i].rank >= histograms[position << 16 | digit] {
        searches[i].rank -= histograms[position << 16 | digit]
        digit += 1
      }
      searches[i].prefix = searches[i].prefix << 16 | UInt64(digit)
    }
  }

  private func forEachGap<Arithmetic: PairArithmetic>(
    _ arithmetic: Arithmetic.Type, _ body: (UInt64) -> Void
  ) {
    TensorComparison.walk(actual, expected) { a, e, count in
      for i in 0..<count {
        let (a, e) = (Arithmetic.load(a, i), Arithmetic.load(e, i))
        guard Arithmetic.isFinite(a) && Arithmetic.isFinite(e) else { continue }
        body((Arithmetic.figure(Arithmetic.gap(a, e), a, e) + 0).bitPattern)
      }
    }
  }
}
