extension Provenance {
  /// The tool of goldens that tests record.
  package static let testTool = "AssayTesting"
}

extension RunManifest {
  /// Why no test may record this golden anew, as the rest of a sentence; `nil` for one that only
  /// tests made, of the model that is under test.
  ///
  /// A port that records over its original's golden is from then on compared with itself. Whatever
  /// does not say that a test made it is taken for another's.
  ///
  /// - Parameter modelHash: The hash of the model under test, where its test gives one.
  package func reasonNotToRecord(modelHash: String?) -> String? {
    let maker = RunMaker(provenance)
    if maker.tool != Provenance.testTool { return "\(maker) made it" }
    for approval in provenance?.approvals ?? [] where approval.from != nil {
      guard let earlier = approval.replaced else { return "nobody knows what made it at first" }
      if earlier.tool != Provenance.testTool { return "it took the place of what \(earlier) made" }
    }
    if let modelHash, let own = recipe?.modelHash ?? provenance?.modelHash, own != modelHash {
      return "it is of the model \(own), and the test's is \(modelHash)"
    }
    return nil
  }
}
