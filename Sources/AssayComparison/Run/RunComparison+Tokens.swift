package import AssayRuns

extension RunComparison {
  /// Fails the comparison where a run generated other tokens than its recipe says.
  ///
  /// - Parameters:
  ///   - generated: The tokens that the run generated, without the prompt.
  ///   - recipe: The recipe that was run; one without generated tokens judges nothing.
  package mutating func judge(generatedTokenIDs generated: [Int], by recipe: Recipe) {
    guard let expected = recipe.generatedTokenIDs, generated != expected else { return }
    failures.append(.otherTokens(actual: generated, expected: expected))
  }
}

extension ComparisonFailure {
  /// Where two texts part, in one sentence of bounded length.
  static func otherTokens(_ actual: [Int], _ expected: [Int]) -> String {
    let index = zip(actual, expected).enumerated().first { $1.0 != $1.1 }?.offset
    guard let index else {
      return "the run generated \(actual.count) tokens, but the recipe says \(expected.count)"
    }
    func list(_ tokens: [Int]) -> String {
      let first = max(0, index - 3)
      let part = tokens[first..<min(tokens.count, index + 3)].map(String.init)
      return ((first > 0 ? ["…"] : []) + part + (first + part.count < tokens.count ? ["…"] : []))
        .joined(separator: ", ")
    }
    return "the run generated other tokens than the recipe says, from token \(index) on: "
      + "\(list(actual)) instead of \(list(expected))"
  }
}
