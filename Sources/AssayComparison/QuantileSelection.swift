import AssayTensors

/// Finds order statistics of `|d|` without holding the values.
///
/// Magnitudes sort as their bit patterns do, so each pass counts how often the next 16 bits occur
/// below the prefix found so far, and settles those bits.
struct QuantileSelection: ArithmeticTask {
  let actual: Tensor
  let expected: Tensor
  let fractions: [Double]

  private struct Search {
    var prefix: UInt64 = 0
    var rank: Int
  }

  func run<Arithmetic: PairArithmetic>(_ arithmetic: Arithmetic.Type) -> [Double] {
    var count = 0
    forEachGap(arithmetic) { _ in count += 1 }
    guard count > 0 else { return [] }
    var searches = fractions.map { Search(rank: Int($0 * Double(count - 1))) }
    for shift in stride(from: UInt64(48), through: 0, by: -16) {
      let prefixes = Set(searches.map(\.prefix))
      var histograms = [UInt64: [Int]]()
      for prefix in prefixes {
        var histogram = [Int](repeating: 0, count: 1 << 16)
        forEachGap(arithmetic) { bits in
          if shift == 48 || bits >> (shift + 16) == prefix {
            histogram[Int(bits >> shift & 0xFFFF)] += 1
          }
        }
        histograms[prefix] = histogram
      }
      for i in searches.indices {
        guard let histogram = histograms[searches[i].prefix] else { continue }
        var digit = 0
        while searches[i].rank >= histogram[digit] {
          searches[i].rank -= histogram[digit]
          digit += 1
        }
        searches[i].prefix = searches[i].prefix << 16 | UInt64(digit)
      }
    }
    return searches.map { Double(bitPattern: $0.prefix) }
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
