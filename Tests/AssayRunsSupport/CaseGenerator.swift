/// Random numbers of one case: its seed and number alone decide, so that it can be made again.
package struct CaseGenerator: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64, case number: Int) {
    // Neighbours must not be the same numbers, one place on.
    state = seed
    state = next() ^ UInt64(truncatingIfNeeded: number)
    state = next()
  }

  /// SplitMix64.
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
