import AssayRuns

/// What two runs say of their computation that explains rounding noise between them.
enum ProvenanceDifference {
  /// What differs, each in a few words; empty where nothing is known to.
  static func noiseSources(_ actual: Provenance?, _ expected: Provenance?) -> [String] {
    guard let actual, let expected else { return [] }
    var sources: [String] = []
    func add(_ name: String, _ ours: String?, _ theirs: String?) {
      guard let ours, let theirs, ours != theirs else { return }
      sources.append("\(name) \(ours) instead of \(theirs)")
    }
    add("framework", actual.framework, expected.framework)
    if actual.framework == expected.framework {
      add(actual.framework ?? "framework", actual.frameworkVersion, expected.frameworkVersion)
    }
    let (ours, theirs) = (actual.libraries ?? [:], expected.libraries ?? [:])
    for name in Set(ours.keys).union(theirs.keys).sorted() {
      add(name, ours[name], theirs[name])
    }
    add("dtype", actual.dtype, expected.dtype)
    add("cpu", actual.cpu, expected.cpu)
    if let features = difference(actual.cpuFeatures, expected.cpuFeatures) {
      sources.append("CPU features \(features)")
    }
    add("threads", actual.threads.map(String.init), expected.threads.map(String.init))
    add("world size", actual.worldSize.map(String.init), expected.worldSize.map(String.init))
    return sources
  }

  /// For example `+avx512f, -amx_tile`: what only the actual run has, and only the expected one.
  private static func difference(_ actual: [String]?, _ expected: [String]?) -> String? {
    guard let actual, let expected, Set(actual) != Set(expected) else { return nil }
    let added = Set(actual).subtracting(expected).sorted().map { "+\($0)" }
    let removed = Set(expected).subtracting(actual).sorted().map { "-\($0)" }
    return (added + removed).joined(separator: ", ")
  }
}

extension RunComparison {
  /// Notes why equal models may differ by rounding; a comparison of equal values needs no reason.
  mutating func noteNoiseSources() {
    guard firstDifference != nil else { return }
    let sources = ProvenanceDifference.noiseSources(
      actual.manifest.provenance, expected.manifest.provenance)
    guard !sources.isEmpty else { return }
    notes.append(
      "the runs were not computed alike, which explains differences by rounding: "
        + sources.joined(separator: "; "))
  }
}
