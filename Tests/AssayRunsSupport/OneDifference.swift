package import AssayRuns
package import AssayTensors
import Foundation

/// Two random runs that differ in exactly one way, or in none that counts, and what that comes to.
///
/// What must be found follows from what was planted, and from the definition of the tolerance; the
/// comparison's own code has no part in it.
package struct OneDifference: Sendable {
  /// In which way the runs differ.
  package enum Kind: String, CaseIterable, Sendable {
    // What counts by itself.
    case moved, nan, infinity, shape, dtype, renamedModule, renamedSlot, missing, extra, missingCall
    case missingStep, device, swapped, swappedRows, skippedOnce
    // What counts under some options.
    case nanInBoth, cutRun
    // What counts for nothing.
    case none, order, negativeZero, sameBytes, otherDevice, otherNames, skippedTwice
    // What fails the comparison as a whole.
    case emptyRun, emptyRuns, stepOfNeither, patternOfNeither, deviceOfNeither, idleMapping
    case twoOntoOne, noRule
    // What cannot be read.
    case lostBytes, cutTensorFile, cutFile, cutManifest
  }

  package let kind: Kind
  package var actual: RandomRun
  package var expected: RandomRun
  package var options = JudgingOptions()
  /// The verdicts of tensors that do not match, as JSON names them.
  package var failing: [TensorKey: String] = [:]
  /// Whether the comparison fails whatever its tensors came to.
  package var failsAsAWhole = false
  /// What is kept of each run's tensors.
  package var actualKeep = TensorKeep.full
  package var expectedKeep = TensorKeep.full

  /// Whether a file is cut, of which it cannot be told which tensors it holds.
  package var isCut: Bool { [.cutTensorFile, .cutFile, .cutManifest].contains(kind) }

  /// Whether it must match.
  package var matches: Bool {
    !failsAsAWhole && !isCut && failing.allSatisfy { $0.value == "skipped" }
  }

  /// Makes a case.
  ///
  /// - Returns: `nil` where the chosen way is none for the chosen tensor.
  package init?(using generator: inout CaseGenerator) {
    // What depends on a tolerance has the most ways.
    let drawn = Kind.allCases + [Kind](repeating: .moved, count: 8) + [.nan, .infinity, .nanInBoth]
    guard let kind = drawn.randomElement(using: &generator) else { return nil }
    self.kind = kind
    let digests =
      !Self.aboutFiles.contains(kind) && kind != .negativeZero
      && Int.random(in: 0..<6, using: &generator) == 0
    expected = RandomRun(using: &generator, isLarge: digests)
    actual = expected
    if digests {
      actualKeep = .allCases.randomElement(using: &generator) ?? .full
      expectedKeep = .allCases.randomElement(using: &generator) ?? .full
    }
    guard let at = expected.entries.indices.randomElement(using: &generator) else { return nil }
    // Digests tell only equal bytes for certain.
    let isExact = digests || kind == .swapped || kind == .swappedRows
    let bounds = chooseTolerance(for: expected.entries[at], isExact: isExact, using: &generator)
    guard plant(at, under: bounds, using: &generator) else { return nil }
    // Either run may have the difference.
    if Bool.random(using: &generator), !turnsNot { turnAround() }
    select(using: &generator)
    rename(using: &generator)
  }

  private static let aboutFiles: Set<Kind> = [.lostBytes, .cutTensorFile, .cutFile, .cutManifest]
  /// Whether its options, or its files, are of the actual run.
  private var turnsNot: Bool {
    Self.aboutFiles.contains(kind)
      || [.otherDevice, .otherNames, .twoOntoOne, .moved].contains(kind)
  }

  private mutating func turnAround() {
    (actual, expected) = (expected, actual)
    (actualKeep, expectedKeep) = (expectedKeep, actualKeep)
    failing = failing.mapValues {
      switch $0 {
      case "missing_in_actual": "missing_in_expected"
      case "missing_in_expected": "missing_in_actual"
      default: $0
      }
    }
  }
}

// MARK: - Tolerances

extension OneDifference {
  /// Chooses a tolerance.
  ///
  /// - Returns: The bounds under which a tensor is judged.
  private mutating func chooseTolerance(
    for entry: RandomRun.Entry, isExact: Bool, using generator: inout CaseGenerator
  ) -> JudgingOptions.Bounds {
    func bounds() -> JudgingOptions.Bounds {
      JudgingOptions.Bounds(
        rtol: [0, 1e-9, 1e-5, 1e-3, 0.1].randomElement(using: &generator) ?? 0,
        atol: [0, 1e-12, 1e-8, 1e-3, 2].randomElement(using: &generator) ?? 0)
    }
    options.equalNaN = .random(using: &generator)
    let exact = JudgingOptions.Bounds()
    if kind == .noRule {
      let pattern = Self.pattern(entry.module)
      options.tolerance = .rules(
        "rules:\n  - module: '\(pattern)'\n    slot: x{9}\n    rtol: 1\n    atol: 1\n")
      return exact
    }
    if isExact { return exact }
    switch Int.random(in: 0..<4, using: &generator) {
    case 0: return exact
    case 1:
      let bounds = bounds()
      options.tolerance = .bounds(bounds)
      return entry.dtype.isInteger ? exact : bounds
    case 2:
      options.tolerance = .torch
      return Self.torch[entry.dtype] ?? exact
    default:
      var (special, general) = (bounds(), bounds())
      special.outliers = .random(in: 0...2, using: &generator)
      return chooseRules(for: entry, special, general, using: &generator)
    }
  }

  /// Rules of which the first is for one tensor, or nearly so.
  private mutating func chooseRules(
    for entry: RandomRun.Entry, _ special: JudgingOptions.Bounds,
    _ general: JudgingOptions.Bounds, using generator: inout CaseGenerator
  ) -> JudgingOptions.Bounds {
    var lines = ["module: '\(Self.pattern(entry.module))'", "slot: '^\(entry.slot)$'"]
    var fits = true
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: lines.append("dtype: \(entry.dtype.rawValue)")
    case 1:
      lines.append("dtype: complex64")
      fits = false
    case 2: lines.append("step: [\(entry.step), 77]")
    case 3:
      lines.append("step: \(entry.step + 1)")
      fits = false
    case 4: lines.append("device: \(entry.device.name)")
    default: break
    }
    lines += ["rtol: \(special.rtol)", "atol: \(special.atol)", "outliers: \(special.outliers)"]
    options.tolerance = .rules(
      "equal_nan: \(options.equalNaN)\nrules:\n  - \(lines.joined(separator: "\n    "))\n"
        + "  - module: .*\n    rtol: \(general.rtol)\n    atol: \(general.atol)\n")
    // The general rule does not name integers.
    let rest = entry.dtype.isInteger ? JudgingOptions.Bounds() : general
    guard fits else { return rest }
    // No tolerance makes two Booleans alike, but an outlier may be one.
    var bounds = special
    if entry.dtype == .bool { (bounds.rtol, bounds.atol) = (0, 0) }
    return bounds
  }

  /// The defaults of torch.testing.assert_close.
  private static let torch: [DType: JudgingOptions.Bounds] = [
    .float16: .init(rtol: 1e-3, atol: 1e-5), .bfloat16: .init(rtol: 1.6e-2, atol: 1e-5),
    .float32: .init(rtol: 1.3e-6, atol: 1e-5), .float64: .init(rtol: 1e-7, atol: 1e-7),
  ]

  static func pattern(_ name: String) -> String {
    "^" + NSRegularExpression.escapedPattern(for: name) + "$"
  }
}

// MARK: - Differences

extension OneDifference {
  /// Makes the runs differ, and says what must be found of it.
  private mutating func plant(
    _ at: Int, under bounds: JudgingOptions.Bounds, using generator: inout CaseGenerator
  ) -> Bool {
    let entry = expected.entries[at]
    let element = Int.random(in: 0..<entry.elementCount, using: &generator)
    switch kind {
    case .none: break
    case .moved: return move(at, under: bounds, using: &generator)
    case .nan:
      guard let nan = entry.nan(using: &generator) else { return false }
      actual.entries[at][element: element] = nan
      failing[entry.key] = "values"
    case .infinity:
      guard let infinity = entry.infinity, let last = infinity.last else { return false }
      actual.entries[at][element: element] = infinity
      // Of the other sign, or finite.
      if Bool.random(using: &generator) {
        expected.entries[at][element: element] = infinity.dropLast() + [last | 0x80]
      }
      failing[entry.key] = "values"
    case .nanInBoth:
      guard let nan = entry.nan(using: &generator), let other = entry.nan(using: &generator)
      else { return false }
      let isSame = nan == other || actualKeep != .full || expectedKeep != .full
      actual.entries[at][element: element] = nan
      expected.entries[at][element: element] = isSame ? nan : other
      if !options.equalNaN { failing[entry.key] = "values" }
    case .negativeZero:
      guard entry.dtype.isFloatingPoint else { return false }
      let zero = [UInt8](repeating: 0, count: entry.dtype.byteCount)
      actual.entries[at][element: element] = zero.dropLast() + [0x80]
      expected.entries[at][element: element] = zero
    case .shape: return reshape(at, using: &generator)
    case .dtype:
      guard let twin = entry.twin else { return false }
      actual.entries[at].dtype = twin
      failing[entry.key] = "dtype"
    case .swapped:
      let others = expected.entries.indices.filter {
        let other = expected.entries[$0]
        return other.dtype == entry.dtype && other.shape == entry.shape
          && other.bytes != entry.bytes
      }
      guard let other = others.randomElement(using: &generator) else { return false }
      actual.entries[at].bytes = expected.entries[other].bytes
      actual.entries[other].bytes = entry.bytes
      failing[entry.key] = "values"
      failing[expected.entries[other].key] = "values"
    case .swappedRows: return swapRows(at, using: &generator)
    case .sameBytes:
      // Another tensor of the same bytes is a link to the first, in the layouts that have links.
      var copy = entry
      copy.slot = "outputs_8"
      actual.entries.append(copy)
      expected.entries.append(copy)
    case .order:
      actual.entries.shuffle(using: &generator)
    case .lostBytes:
      guard let last = actual.entries.last else { return false }
      failing[last.key] = "unreadable"
    case .cutTensorFile, .cutFile, .cutManifest: break
    case .skippedOnce:
      actual.entries[at].isSkipped = true
      failing[entry.key] = "missing_in_actual"
    case .skippedTwice:
      guard expected.entries.count > 1 else { return false }
      actual.entries[at].isSkipped = true
      expected.entries[at].isSkipped = true
      failing[entry.key] = "skipped"
    default: plantNames(at, using: &generator)
    }
    return true
  }

  private mutating func plantNames(_ at: Int, using generator: inout CaseGenerator) {
    let entry = expected.entries[at]
    switch kind {
    case .renamedModule:
      for position in expected.entries.indices
      where expected.entries[position].moduleBytes == entry.moduleBytes {
        failing[expected.entries[position].key] = "missing_in_actual"
        actual.entries[position].module += "x"
        failing[actual.entries[position].key] = "missing_in_expected"
      }
    case .renamedSlot:
      failing[entry.key] = "missing_in_actual"
      actual.entries[at].slot += "_x"
      failing[actual.entries[at].key] = "missing_in_expected"
    case .missing:
      actual.entries.remove(at: at)
      failing[entry.key] = "missing_in_actual"
    case .extra:
      var extra = entry
      extra.slot = "outputs_9"
      actual.entries.append(extra)
      failing[extra.key] = "missing_in_expected"
    case .missingCall: remove { $0.key.call == entry.key.call }
    case .missingStep: remove { $0.step == entry.step }
    case .emptyRun: remove { _ in true }
    case .emptyRuns:
      (actual.entries, expected.entries) = ([], [])
      failsAsAWhole = true
    case .device:
      failing[entry.key] = "missing_in_actual"
      actual.entries[at].device = Device("cuda:0")
      failing[actual.entries[at].key] = "missing_in_expected"
    case .otherDevice:
      for position in actual.entries.indices { actual.entries[position].device = Device("cuda:0") }
      options.deviceMap = ("cuda:0", "cpu")
    case .cutRun:
      actual.isComplete = false
      // Who names the steps says that they are enough.
      if Bool.random(using: &generator) {
        options.steps = Array(Set(expected.entries.map(\.step))).sorted()
      } else {
        failsAsAWhole = true
      }
    case .otherNames:
      renameAll()
    default: plantOptions(entry)
    }
  }

  private mutating func plantOptions(_ entry: RandomRun.Entry) {
    failsAsAWhole = true
    switch kind {
    case .stepOfNeither: options.steps = [entry.step, 77]
    case .patternOfNeither: options.modules = [Self.pattern(entry.module), "^nowhere$"]
    case .deviceOfNeither: options.deviceMap = ("cuda:7", "cpu")
    case .idleMapping: options.mapping = "rules:\n  - actual: 'nowhere'\n    expected: 'model'\n"
    case .twoOntoOne:
      // By its equal name, and by the rule.
      for other in expected.entries where other.moduleBytes == entry.moduleBytes {
        var copy = other
        copy.module = "second"
        actual.entries.append(copy)
        failing[copy.key] = "missing_in_expected"
      }
      options.mapping = "rules:\n  - actual: 'second'\n    expected: '\(entry.module)'\n"
    default: break
    }
  }

  /// Removes tensors of the actual run.
  private mutating func remove(_ isLost: (RandomRun.Entry) -> Bool) {
    for lost in expected.entries where isLost(lost) { failing[lost.key] = "missing_in_actual" }
    actual.entries.removeAll(where: isLost)
  }

  /// Moves elements of a tensor, each of them clearly within the bounds or clearly outside.
  private mutating func move(
    _ at: Int, under bounds: JudgingOptions.Bounds, using generator: inout CaseGenerator
  ) -> Bool {
    let entry = expected.entries[at]
    let count = min(entry.elementCount, .random(in: 1...3, using: &generator))
    var outside = 0
    for element in Array(0..<entry.elementCount).shuffled(using: &generator).prefix(count) {
      guard let distance = actual.entries[at].move(element, using: &generator) else { return false }
      let bound = bounds.atol + bounds.rtol * abs(entry.value(element))
      // Near the bound the rounding of its arithmetic decides.
      guard distance > bound * 1.001 || distance < bound * 0.999 else { return false }
      if distance > bound { outside += 1 }
    }
    if outside > bounds.outliers { failing[entry.key] = "values" }
    return true
  }

  /// Another shape of the same bytes.
  private mutating func reshape(_ at: Int, using generator: inout CaseGenerator) -> Bool {
    let entry = expected.entries[at]
    var shape = entry.shape
    switch Int.random(in: 0..<3, using: &generator) {
    case 0: shape.insert(1, at: .random(in: 0...shape.count, using: &generator))
    case 1: shape.reverse()
    default: shape = [entry.elementCount]
    }
    guard shape != entry.shape else { return false }
    actual.entries[at].shape = shape
    failing[entry.key] = "shape"
    return true
  }

  private mutating func swapRows(_ at: Int, using generator: inout CaseGenerator) -> Bool {
    let entry = expected.entries[at]
    guard entry.shape.count > 1, let width = entry.shape.last else { return false }
    let size = width * entry.dtype.byteCount
    let rows = stride(from: 0, to: entry.bytes.count, by: size).map {
      Array(entry.bytes[$0..<$0 + size])
    }
    let chosen = rows.indices.shuffled(using: &generator).prefix(2)
    guard chosen.count == 2, rows[chosen[0]] != rows[chosen[1]] else { return false }
    var swapped = rows
    swapped.swapAt(chosen[0], chosen[1])
    actual.entries[at].bytes = Array(swapped.joined())
    failing[entry.key] = "values"
    return true
  }
}

// MARK: - Selections

extension OneDifference {
  /// Chooses steps, or modules of which the failing ones are either all or none.
  private mutating func select(using generator: inout CaseGenerator) {
    guard !failsAsAWhole, !isCut, options.steps == nil, kind != .noRule, kind != .emptyRun
    else { return }
    switch Int.random(in: 0..<6, using: &generator) {
    case 0:
      let steps = Set((actual.entries + expected.entries).map(\.step)).filter { _ in
        Bool.random(using: &generator)
      }
      guard !steps.isEmpty else { return }
      options.steps = steps.sorted()
      failing = failing.filter { steps.contains($0.key.step) }
    case 1, 2:
      guard kind != .otherNames else { return }
      let failing = Set(failing.keys.map { Array($0.module.utf8) })
      let names = (actual.entries + expected.entries).map(\.module)
      let isIn = Bool.random(using: &generator)
      let chosen = names.filter { failing.contains(Array($0.utf8)) == isIn }
      guard let any = chosen.randomElement(using: &generator) else { return }
      options.modules = (isIn ? self.failing.keys.map(\.module) : [any]).map(Self.pattern)
      if !isIn { self.failing = [:] }
    default: break
    }
    // What both runs skipped is no comparison.
    if failing.values.contains("skipped") {
      let isLeft = expected.entries.contains { entry in
        !entry.isSkipped && options.steps?.contains(entry.step) ?? true
          && (options.modules?.contains(Self.pattern(entry.module)) ?? true)
      }
      if !isLeft { failsAsAWhole = true }
    }
  }

  /// Gives the actual run's modules other names, which a mapping pairs.
  private mutating func rename(using generator: inout CaseGenerator) {
    let kinds: Set<Kind> = [
      .moved, .nan, .infinity, .shape, .dtype, .swapped, .swappedRows, .none, .nanInBoth,
      .negativeZero, .sameBytes, .order,
    ]
    guard kinds.contains(kind), options.mapping == nil, options.modules == nil,
      Int.random(in: 0..<6, using: &generator) == 0
    else { return }
    renameAll()
  }

  private mutating func renameAll() {
    for position in actual.entries.indices {
      actual.entries[position].module = "net.\(actual.entries[position].module)"
    }
    options.mapping = "rules:\n  - actual: 'net\\.(.*)'\n    expected: '\\1'\n"
  }
}
