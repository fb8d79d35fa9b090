import AssayRuns
import AssayTensors

/// A pair and what it came to.
struct JudgedPair: Sendable {
  var pair: TensorPair
  var result: TensorResult
}

/// Judges one pair of tensors.
struct PairJudge: Sendable {
  /// Reads a tensor of a pair, wherever it is.
  typealias Reader = (TensorPair, RunSide) throws -> TensorSourceReader.Reading

  private let options: ComparisonOptions
  private let criteria: TensorCriteria

  init(options: ComparisonOptions) {
    self.options = options
    criteria = TensorCriteria(options.tolerance)
  }

  /// Reads both tensors and compares them.
  func judge(_ pair: TensorPair, reading read: Reader) -> TensorResult {
    var ruling: TensorResult.Ruling?
    var rows: RowList?
    let outcome = outcome(of: pair, &ruling, &rows, read)
    return TensorResult(
      key: pair.key, outcome: outcome, ruling: ruling, pairing: pair.origin, rows: rows)
  }

  private func outcome(
    of pair: TensorPair, _ ruling: inout TensorResult.Ruling?, _ rows: inout RowList?,
    _ read: Reader
  ) -> Outcome {
    if let reason = pair.notRecorded { return .notRecorded(reason: reason) }
    guard let ours = pair.actual, let theirs = pair.expected else { return missing(pair) }
    if ours.isComparable, theirs.isComparable, ours.digest != nil || theirs.digest != nil {
      return estimated(pair, ours, theirs, &ruling, read)
    }
    if ours.skipped != nil || theirs.skipped != nil { return skipped(ours.skipped, theirs.skipped) }
    switch Self.both(pair, read) {
    case .failure(let problem): return problem.outcome
    case .success(let tensors):
      rows = tensors.actual.rows
      let expected = tensors.expected.tensor
      if let rows, rows.rows.isEmpty {
        return .notComputed(
          TensorForm(dtype: expected.dtype, shape: expected.shape),
          reason: "no row of it was computed by both runs")
      }
      let criterion = criteria.criterion(
        for: pair.key, dtype: expected.dtype,
        holdsIntegers: tensors.actual.isCastFromIntegers || tensors.expected.isCastFromIntegers)
      ruling = TensorResult.Ruling(criterion)
      return compared(tensors.actual.tensor, expected, pair.key, criterion)
    }
  }

  /// Judges a pair of which at least one side has no elements but a digest.
  private func estimated(
    _ pair: TensorPair, _ ours: TensorRecord, _ theirs: TensorRecord,
    _ ruling: inout TensorResult.Ruling?, _ read: Reader
  ) -> Outcome {
    let a: DigestedTensor
    let e: DigestedTensor
    do {
      a = try DigestedTensor(ours, "actual", like: theirs.digest) { try read(pair, .actual).tensor }
      e = try DigestedTensor(theirs, "expected", like: ours.digest) {
        try read(pair, .expected).tensor
      }
    } catch {
      return error.outcome
    }
    let criterion = criteria.criterion(for: pair.key, dtype: e.form.dtype)
    ruling = TensorResult.Ruling(criterion)
    if let other = Self.otherForm(a.form, e.form) { return other }
    let estimate = DigestEstimate(
      actual: a.digest, expected: e.digest, rule: criterion.rule, dtype: e.form.dtype)
    return .estimated(e.form, estimate, criterion.judgement(of: estimate, dtype: e.form.dtype))
  }

  /// A tensor's digest, kept or made now.
  private struct DigestedTensor {
    var form: TensorForm
    var digest: TensorDigest

    /// - Parameters:
    ///   - other: The digest that it is to be compared with, where this one has its elements.
    init(
      _ record: TensorRecord, _ name: String, like other: TensorDigest?,
      _ read: () throws -> Tensor
    ) throws(Unreadable) {
      if let note = record.skipped, let digest = note.digest {
        form = TensorForm(dtype: note.dtype, shape: note.shape)
        self.digest = digest
        return
      }
      let tensor = try PairJudge.reading(name, read)
      form = TensorForm(dtype: tensor.dtype, shape: tensor.shape)
      if let other, other.sha256 == tensor.contentHash {
        digest = other
      } else {
        digest = TensorDigest(
          of: tensor, seed: other?.seed ?? TensorDigest.defaultSeed,
          withSample: other?.sample != nil)
      }
      _ = try PairJudge.reading(name) { try tensor.checkUnchanged() }
    }
  }

  /// What further passes show of a pair whose elements were compared.
  func detail(
    _ pair: TensorPair, _ result: TensorResult, reading read: Reader
  ) -> TensorDetail? {
    guard let difference = result.difference, case .success(let tensors) = Self.both(pair, read)
    else { return nil }
    let (ours, theirs) = (tensors.actual.tensor, tensors.expected.tensor)
    let (a, e) = WidenedPair.widened(ours, theirs) ?? (ours, theirs)
    var detail = try? TensorComparison.detail(actual: a, expected: e, difference: difference)
    if result.rows != nil {
      detail?.rows = try? TensorComparison.rowErrors(
        a, e, rule: options.tolerance.rule(for: result))
    }
    return detail
  }

  private func missing(_ pair: TensorPair) -> Outcome {
    let inActual = pair.actual != nil
    let reason = pair.reason ?? "only the \(inActual ? "actual" : "expected") run has it"
    let form = (pair.actual?.skipped ?? pair.expected?.skipped).map(TensorForm.init)
    return inActual
      ? .missingInExpected(form, reason: reason) : .missingInActual(form, reason: reason)
  }

  private func skipped(_ ours: SkippedTensor?, _ theirs: SkippedTensor?) -> Outcome {
    switch (ours, theirs) {
    case (let ours?, let theirs?):
      if let other = Self.otherForm(TensorForm(ours), TensorForm(theirs)) { return other }
      // One that has a digest could have been compared.
      if theirs.digest != nil { return skipped(ours, nil) }
      if ours.digest != nil { return skipped(nil, theirs) }
      return .skipped(TensorForm(theirs), reason: "both runs skipped it: \(theirs.reason)")
    case (let ours?, nil):
      return .missingInActual(
        TensorForm(ours), reason: "the actual run skipped it: \(ours.reason)")
    default:
      return .missingInExpected(
        theirs.map(TensorForm.init), reason: "the expected run skipped it: \(theirs?.reason ?? "")")
    }
  }

  private func compared(
    _ ours: Tensor, _ theirs: Tensor, _ key: TensorKey, _ criterion: TensorCriteria.Criterion
  ) -> Outcome {
    let form = TensorForm(dtype: theirs.dtype, shape: theirs.shape)
    var (a, e) = (ours, theirs)
    var otherDType: String?
    switch Self.otherForm(TensorForm(dtype: ours.dtype, shape: ours.shape), form) {
    case .retyped(_, let reason, _, _)?:
      guard let widened = WidenedPair.widened(ours, theirs) else {
        return .retyped(form, reason: reason)
      }
      (a, e) = widened
      otherDType = "\(reason); the figures are of both converted to \(a.dtype)"
    case let other?: return other
    case nil: break
    }
    do {
      var difference = try TensorComparison.difference(
        actual: a, expected: e, rule: criterion.rule)
      if options.areLogits(key) {
        difference.logits = LogitsDifference(actual: a, expected: e)
      }
      // A mapped file shows what others write to it.
      try ours.checkUnchanged()
      try theirs.checkUnchanged()
      if let floor = options.floor {
        difference.floor = FloorFigures(
          candidate: difference, floor: try floorDifference(floor, theirs, key))
      } else if let otherDType {
        // Another dtype is what a floor is there to judge, and nothing else does.
        return .retyped(form, reason: otherDType, difference)
      }
      return .compared(form, difference, criterion.judgement(of: difference))
    } catch {
      return .unreadable(form, reason: (error as? Unreadable)?.reason ?? "\(error)")
    }
  }

  /// How the noise floor's tensor differs from the expected one.
  private func floorDifference(
    _ floor: any RunReader, _ expected: Tensor, _ key: TensorKey
  ) throws -> Difference {
    let tensor = try PairJudge.reading("floor") { try floor.tensor(key) }
    let (a, e) = WidenedPair.widened(tensor, expected) ?? (tensor, expected)
    let difference: Difference
    do {
      difference = try TensorComparison.difference(actual: a, expected: e, rule: .exact)
      try tensor.checkUnchanged()
    } catch {
      throw Unreadable(reason: "floor: \(floor.path): \(error)")
    }
    // Ratios over what is left would call any error small beside a broken run's.
    guard difference.nonFiniteDifferenceCount == 0 else {
      throw Unreadable(
        reason:
          "floor: \(floor.path): it has NaN or infinite values where the expected run "
          + "has others, so it is no floor")
    }
    return difference
  }

  /// What a pair of another shape or dtype comes to; `nil` for one of the same form.
  private static func otherForm(_ ours: TensorForm, _ theirs: TensorForm) -> Outcome? {
    guard ours != theirs else { return nil }
    var parts: [String] = []
    if ours.shape != theirs.shape { parts.append("shape \(ours.shape) instead of \(theirs.shape)") }
    if ours.dtype != theirs.dtype {
      parts.append("dtype \(ours.dtype.torchName) instead of \(theirs.dtype.torchName)")
    }
    let reason = parts.joined(separator: ", ")
    return ours.shape != theirs.shape
      ? .reshaped(theirs, reason: reason) : .retyped(theirs, reason: reason)
  }

  private struct Unreadable: Error {
    enum Kind: Comparable {
      case unreadable, placement, replicas
    }

    var kind = Kind.unreadable
    var reason: String

    var outcome: Outcome {
      switch kind {
      case .unreadable: .unreadable(reason: reason)
      case .placement: .misplaced(nil, reason: reason)
      case .replicas: .differingReplicas(reason: reason)
      }
    }
  }

  private static func reading<Value>(
    _ name: String, _ read: () throws -> Value
  ) throws(Unreadable) -> Value {
    do {
      return try read()
    } catch RunError.unreadableTensor(_, let path, let reason) {
      throw Unreadable(reason: "\(name): \(path): \(reason)")
    } catch RunError.misplacedTensor(_, let reason) {
      throw Unreadable(kind: .placement, reason: "\(name): \(reason)")
    } catch RunError.differingReplicas(_, let reason) {
      throw Unreadable(kind: .replicas, reason: "\(name): \(reason)")
    } catch {
      throw Unreadable(reason: "\(name): \(error)")
    }
  }

  private static func both(
    _ pair: TensorPair, _ read: Reader
  ) -> Result<BothSides<TensorSourceReader.Reading>, Unreadable> {
    var readings: [TensorSourceReader.Reading] = []
    var problems: [Unreadable] = []
    for side in RunSide.allCases {
      do throws(Unreadable) {
        readings.append(try reading(side.rawValue) { try read(pair, side) })
      } catch {
        problems.append(error)
      }
    }
    if let kind = problems.map(\.kind).min() {
      return .failure(
        Unreadable(kind: kind, reason: problems.map(\.reason).joined(separator: "; ")))
    }
    let both = BothSides(actual: readings[0], expected: readings[1])
    guard readings.contains(where: { $0.rows != nil }) else { return .success(both) }
    return Result { () throws(Unreadable) in try commonRows(of: both) }
  }

  /// Both tensors with the rows that both have, in the expected run's order.
  private static func commonRows(
    of both: BothSides<TensorSourceReader.Reading>
  ) throws(Unreadable) -> BothSides<TensorSourceReader.Reading> {
    guard let ours = both.actual.rows, let theirs = both.expected.rows else {
      let bare = both.actual.rows == nil ? both.actual.tensor : both.expected.tensor
      throw Unreadable(
        reason: "only the \(both.actual.rows == nil ? "expected" : "actual") tensor has rows, the "
          + "other one's shape \(bare.shape) holds none")
    }
    for (name, list, other) in [("actual", ours, theirs), ("expected", theirs, ours)] {
      let lost = Set(list.lacking).intersection(other.rows)
      guard let first = lost.min(by: { ($0.request, $0.position) < ($1.request, $1.position) })
      else { continue }
      throw Unreadable(
        reason: "the \(name) run computed \(lost.count) of its rows in steps without this tensor, "
          + "the first at position \(first.position) of request \(first.request)")
    }
    guard ours.rows != theirs.rows else { return both }
    let positions = theirs.common(with: ours)
    let list = RowList(positions.mine.map { theirs.rows[$0] })
    var cut = both
    do {
      cut.actual.tensor = try both.actual.tensor.rows(positions.theirs)
      cut.expected.tensor = try both.expected.tensor.rows(positions.mine)
    } catch {
      throw Unreadable(reason: "\(error)")
    }
    cut.actual.rows = list
    cut.expected.rows = list
    return cut
  }
}

extension TensorForm {
  fileprivate init(_ note: SkippedTensor) { self.init(dtype: note.dtype, shape: note.shape) }
}

extension TensorResult.Ruling {
  fileprivate init(_ criterion: TensorCriteria.Criterion) {
    self.init(
      rule: criterion.position, isUnmatched: criterion.isUnmatched, isExact: criterion.isExact)
  }
}

/// Two tensors of different real dtypes, converted so that figures can be shown.
enum WidenedPair {
  /// Converting holds both tensors in memory, so there is a limit.
  private static let elementLimit = 1 << 26

  /// Both as float32, or as float64 where either needs it; `nil` for the same dtype, a complex
  /// or packed one, an integer one beside another, or tensors of more than 2^26 elements.
  static func widened(_ ours: Tensor, _ theirs: Tensor) -> (actual: Tensor, expected: Tensor)? {
    let dtypes = [ours.dtype, theirs.dtype]
    guard
      ours.dtype != theirs.dtype, dtypes.allSatisfy({ $0.componentCount == 1 }),
      // Of a mask of booleans beside one of numbers to add, figures would tell nothing.
      ours.dtype.isFloatingPoint == theirs.dtype.isFloatingPoint,
      ours.elementCount <= elementLimit
    else { return nil }
    let isNarrow = dtypes.allSatisfy { $0.isFloatingPoint && $0.byteCount <= 4 }
    guard
      let a = try? widen(ours, isNarrow: isNarrow), let e = try? widen(theirs, isNarrow: isNarrow)
    else { return nil }
    return (a, e)
  }

  private static func widen(_ tensor: Tensor, isNarrow: Bool) throws(TensorError) -> Tensor {
    isNarrow
      ? try Tensor(tensor.float32Values(), dtype: .float32, shape: tensor.shape)
      : try Tensor(tensor.float64Values(), dtype: .float64, shape: tensor.shape)
  }
}
