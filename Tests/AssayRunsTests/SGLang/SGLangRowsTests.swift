import AssayRuns
import Testing

@Suite struct SGLangRowsTests {
  /// The requests of each pass, or `nil` where they are not known.
  private func requests(_ passes: [(positions: [Int], lengths: [Int])]) -> [[Int?]?] {
    var told: [Int: SGLangRows] = [:]
    for (number, pass) in passes.enumerated() {
      told[number] = SGLangRows(positions: pass.positions, lengths: pass.lengths)
    }
    let rows = SGLangRows.followed(told)
    return passes.indices.map { rows[$0]?.layouts[0].spans.map(\.request) }
  }

  @Test func equalPromptsGoOnTogether() {
    #expect(
      requests([([0, 1, 0, 1], [2, 2]), ([2, 2], [3, 3]), ([3, 3], [4, 4])])
        == [[0, 1], [0, 1], [0, 1]])
  }

  @Test func aPromptInPartsIsOneRequest() {
    #expect(
      requests([([0, 1, 0, 1], [2, 2]), ([2, 3, 0], [4, 1]), ([4, 2, 1], [5, 3, 2])])
        == [[0, 1], nil, nil])
    #expect(
      requests([([0, 1], [2]), ([2, 3, 0], [4, 1]), ([4, 1], [5, 2])]) == [[0], [0, 1], [0, 1]])
  }

  @Test func oneOfTwoEqualsIsNeither() {
    #expect(requests([([0, 1, 0, 1], [2, 2]), ([2], [3]), ([3], [4])]) == [[0, 1], nil, nil])
  }

  @Test func whatHasEndedDoesNotComeBack() {
    // The first ends at 3 where only the second goes on; then a third reaches 3.
    #expect(
      requests([
        ([0, 1, 0, 1, 2, 3], [2, 4]), ([2, 4], [3, 5]), ([5], [6]), ([0, 1, 2], [3]),
        ([6, 3], [7, 4]),
      ]) == [[0, 1], [0, 1], [1], [2], [1, 2]])
  }

  @Test func aCachedPrefixEndsTheCount() {
    #expect(requests([([0, 1, 2], [3]), ([2], [3]), ([0], [1])]) == [[0], nil, nil])
    // As long as a request that decodes already, and several tokens more.
    #expect(requests([([0], [1]), ([1], [2]), ([2, 3], [4])]) == [[0], [0], nil])
  }

  @Test(arguments: [
    ([0, 1, 0], [2]), ([0, 2], [2]), ([0, 1], [3]), ([], []), ([0, 1], []), ([-1, 0], [1]),
    ([0, 1], [2, 1]), ([0, 1], [Int.max]), ([5], [5]),
  ])
  func rowsThatAreNotTheRequestsAreNotKnown(_ pass: ([Int], [Int])) {
    #expect(requests([pass]) == [nil])
  }

  @Test func namesAreFollowedAnywhere() {
    let rows = SGLangRows.followed([
      0: SGLangRows(positions: [0, 1, 0], lengths: [2, 1], names: ["x", "y"]),
      1: SGLangRows(positions: [1, 2, 7], lengths: [2, 3, 8], names: ["y", "x", "z"]),
      2: SGLangRows(positions: [8, 8], lengths: [9, 9], names: ["z", "z"]),
    ])
    #expect(rows[1]?.layouts[0].spans.map(\.request) == [1, 0, 2])
    #expect(rows[1]?.requestIDs == [0: "x", 1: "y", 2: "z"] && rows[2] == nil)
  }

  @Test func aPassThatIsNotThereEndsTheCount() {
    let pass = SGLangRows(positions: [0], lengths: [1])
    #expect(SGLangRows.followed([0: pass, 2: pass]).keys.sorted() == [0])
    #expect(SGLangRows.followed([3: pass]).isEmpty)
  }
}
