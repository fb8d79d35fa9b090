import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// The same tokens computed in other batches by two runs, of which one may have one row wrong.
@Suite struct OneRowTests {
  private static let cases = RandomCases(standard: 300, seed: 20_261_129)
  private static let modules = ["embed", "layers.0", "norm"]

  private enum Kind: String, CaseIterable {
    case none, moved, nan, swapped, notComputed, otherRequests, otherRequestsUntold, lacking
  }

  private struct Token: Hashable, Comparable {
    var request: Int
    var position: Int

    static func < (a: Self, b: Self) -> Bool {
      (a.request, a.position) < (b.request, b.position)
    }
  }

  /// What a module makes of each token, as bits of float32.
  private typealias Rows = [String: [Token: [UInt32]]]

  @Test func everyRowThatDiffersIsFoundAndNoOther() throws {
    let counts = Self.cases.check { generator, folder in
      try check(in: folder, using: &generator).map(\.rawValue)
    }
    guard Self.cases.count >= 300 else { return }
    for kind in Kind.allCases { #expect(counts[kind.rawValue, default: 0] > 2, "\(kind)") }
  }

  private func check(in folder: String, using generator: inout CaseGenerator) throws -> Kind? {
    guard let kind = Kind.allCases.randomElement(using: &generator) else { return nil }
    let tokens = (0..<Int.random(in: 1...3, using: &generator)).flatMap { request in
      (0..<Int.random(in: 1...6, using: &generator)).map {
        Token(request: request, position: $0)
      }
    }
    let width = Int.random(in: 1...5, using: &generator)
    var rows: Rows = [:]
    for module in Self.modules {
      for token in tokens {
        rows[module, default: [:]][token] = (0..<width).map { _ in
          UInt32.random(in: 0x3C00_0000...0x3F80_0000, using: &generator)
        }
      }
    }
    var (ours, kept) = (rows, Set(tokens))
    var options = ComparisonOptions(tolerance: try Tolerance(rtol: 0, atol: 0))
    options.alignment = .random(using: &generator) ? .rows : .automatic
    guard let module = Self.modules.randomElement(using: &generator),
      let token = tokens.randomElement(using: &generator), var row = rows[module]?[token]
    else { return nil }
    var wrong: [(String, Token)] = []
    let element = Int.random(in: 0..<width, using: &generator)
    switch kind {
    case .none, .lacking: break
    case .moved, .nan:
      row[element] = kind == .nan ? 0x7FC0_0000 : row[element] + 1
      ours[module]?[token] = row
      wrong = [(module, token)]
    case .swapped:
      guard let other = tokens.randomElement(using: &generator), let theirs = rows[module]?[other],
        theirs != row
      else { return nil }
      ours[module]?[token] = theirs
      ours[module]?[other] = row
      wrong = [(module, token), (module, other)]
    case .notComputed:
      kept.remove(token)
      guard !kept.isEmpty else { return nil }
      options.alignment = .rows
    case .otherRequests, .otherRequestsUntold:
      let count = (tokens.map(\.request).max() ?? 0) + 1
      options.requestMap =
        kind == .otherRequests ? (0..<count).map { (actual: count - 1 - $0, expected: $0) } : []
      // Counted backwards, so that a run of one request has it under its own number.
      guard count > 1 else { return nil }
      for module in Self.modules {
        ours[module] = rows[module].map { told in
          Dictionary(
            uniqueKeysWithValues: told.map {
              (Token(request: count - 1 - $0.request, position: $0.position), $1)
            })
        }
      }
      kept = Set(ours[module].map { Array($0.keys) } ?? [])
    }
    let (schedule, other) = (
      steps(kept.sorted(), using: &generator), steps(tokens, using: &generator)
    )
    let lacking = kind == .lacking ? (schedule.indices.randomElement(using: &generator) ?? 0) : nil
    let comparison = try RunComparison.compare(
      actual: run("actual", schedule, ours, in: folder, lacking: lacking, using: &generator),
      expected: run("expected", other, rows, in: folder, using: &generator), options: options)
    if kind == .lacking || kind == .otherRequestsUntold {
      guard !comparison.isMatch else { throw Wrong("\(kind): a match") }
      return kind
    }
    // The result has the steps of the run with fewer of them.
    let base = schedule.count < other.count ? schedule : other
    let failing = Set(
      wrong.compactMap { module, token in
        base.firstIndex { $0.contains(token) }.map { "\(module) in \($0)" }
      })
    var found: Set<String> = []
    for tensor in comparison.steps.flatMap({ $0.modules.flatMap(\.tensors) })
    where tensor.verdict.isFailure { found.insert("\(tensor.key.module) in \(tensor.key.step)") }
    guard found == failing, comparison.isMatch == failing.isEmpty else {
      throw Wrong("\(kind): \(found), and it should have been \(failing); \(comparison.failures)")
    }
    return kind
  }

  /// Which tokens are computed together; `nil` is padding.
  private func steps(_ tokens: [Token], using generator: inout CaseGenerator) -> [[Token?]] {
    var waiting = Dictionary(grouping: tokens, by: \.request).sorted { $0.key < $1.key }.map(
      \.value)
    var steps: [[Token?]] = []
    while waiting.contains(where: { !$0.isEmpty }) {
      var step: [Token?] = []
      for request in waiting.indices.shuffled(using: &generator) {
        let count = Int.random(in: 0...waiting[request].count, using: &generator)
        step += waiting[request].prefix(count).map(Optional.some)
        waiting[request].removeFirst(count)
        if Int.random(in: 0..<8, using: &generator) == 0 { step.append(nil) }
      }
      if step.contains(where: { $0 != nil }) { steps.append(step) }
    }
    return steps
  }

  /// A run in memory, as a directory or in HDF5.
  private func run(
    _ name: String, _ steps: [[Token?]], _ rows: Rows, in folder: String, lacking: Int? = nil,
    using generator: inout CaseGenerator
  ) throws -> any RunReader {
    var run = InMemoryRun(path: name)
    for (index, tokens) in steps.enumerated() {
      for module in Self.modules where index != lacking || module != "norm" {
        let width = rows[module]?.first?.value.count ?? 0
        let bits = tokens.flatMap { token in
          token.flatMap { rows[module]?[$0] } ?? [UInt32](repeating: 0x4000_0000, count: width)
        }
        run.add(
          try Tensor(
            bits.map { Float(bitPattern: $0) }, dtype: .float32,
            shape: Shape([tokens.count, width])),
          step: index, module, "outputs")
      }
      let spans = tokens.map { StepRows.Span(request: $0?.request, position: $0?.position ?? 0) }
      run.tell(
        StepRows(layouts: [StepRows.Layout(shape: [tokens.count], spans: spans)]), ofStep: index)
    }
    let manifest = RunManifest(id: name)
    let path = "\(folder)/\(name)"
    switch Int.random(in: 0..<3, using: &generator) {
    case 0: return run
    case 1:
      try copyRun(
        from: run, to: try DirectoryRunWriter(path: path, manifest: manifest), manifest: manifest)
    default:
      try copyRun(
        from: run, to: try HDF5RunWriter(path: path, mode: .golden, manifest: manifest),
        manifest: manifest)
    }
    return try openRun(at: path)
  }
}
