import AssayRuns
import AssayTensors

/// Judges one pair of tensors.
struct PairJudge: Sendable {
  /// Reads the actual tensor, wherever it is.
  typealias ActualTensor = (TensorKey) throws -> Tensor

  private let expected: any RunReader
  private let options: ComparisonOptions
  private let criteria: TensorCriteria
  /// Whether a tensor of either run, once it was read, is floats that a mapping made of integers.
  private let holdsIntegers: @Sendable (_ actual: TensorKey, _ expected: TensorKey) -> Bool

  init(
    expected: any RunReader, options: ComparisonOptions,
    holdsIntegers: @escaping @Sendable (TensorKey, TensorKey) -> Bool = { _, _ in false }
  ) {
    self.expected = expected
    self.options = options
    self.holdsIntegers = holdsIntegers
    criteria = TensorCriteria(options.tolerance)
  }

  /// Reads both tensors and compares them.
  func judge(_ pair: RunPairing.Pair, actual: ActualTensor) -> TensorResult {
    var result = TensorResult(slot: pair.slot, device: pair.device, verdict: .match)
    if let reason = pair.notRecorded {
      result.verdict = .notRecorded
      result.reason = reason
      return result
    }
    guard let ours = pair.actual, let theirs = pair.expected else {
      judgeMissing(pair, &result)
      return result
    }
    if ours.isComparable, theirs.isComparable, ours.digest != nil || theirs.digest != nil {
      judgeDigests(ours, theirs, actual, &result)
      return result
    }
    if ours.skipped != nil || theirs.skipped != nil {
      judgeSkipped(ours.skipped, theirs.skipped, &result)
      return result
    }
    switch read(ours, theirs, actual) {
    case .failure(let problem):
      result.verdict = .unreadable
      result.reason = problem.reason
    case .success(let tensors):
      let criterion = criteria.criterion(
        for: theirs.key, dtype: tensors.expected.dtype,
        holdsIntegers: holdsIntegers(ours.key, theirs.key))
      judge(tensors.actual, tensors.expected, theirs.key, criterion, &result)
    }
    return result
  }

  /// Judges a pair of which at least one side has no elements but a digest.
  private func judgeDigests(
    _ ours: TensorRecord, _ theirs: TensorRecord, _ actual: ActualTensor,
    _ result: inout TensorResult
  ) {
    let a: DigestedTensor
    let e: DigestedTensor
    do {
      a = try DigestedTensor(ours, "actual", like: theirs.digest, actual)
      e = try DigestedTensor(theirs, "expected", like: ours.digest, expected.tensor)
    } catch {
      result.verdict = .unreadable
      result.reason = error.reason
      return
    }
    result.dtype = e.dtype
    result.shape = e.shape
    let criterion = criteria.criterion(for: theirs.key, dtype: e.dtype)
    result.note(criterion)
    if judgeForm(a.dtype, a.shape, e.dtype, e.shape, &result) { return }
    let estimate = DigestEstimate(
      actual: a.digest, expected: e.digest, rule: criterion.rule, dtype: e.dtype)
    result.estimate = estimate
    if case .mismatch(let reason) = criterion.outcome(of: estimate, dtype: e.dtype) {
      result.verdict = .values
      result.reason = reason
    }
  }

  /// A tensor's digest, kept or made now.
  private struct DigestedTensor {
    var dtype: DType
    var shape: Shape
    var digest: TensorDigest

    /// - Parameters:
    ///   - other: The digest that it is to be compared with, where this one has its elements.
    init(
      _ record: TensorRecord, _ name: String, like other: TensorDigest?, _ read: ActualTensor
    ) throws(Unreadable) {
      if let note = record.skipped, let digest = note.digest {
        (dtype, shape, self.digest) = (note.dtype, note.shape, digest)
        return
      }
      let tensor = try PairJudge.reading(name) { try read(record.key) }
      dtype = tensor.dtype
      shape = tensor.shape
      if let other, other.sha256 == ContentHash.sha256(of: tensor) {
        digest = other
      } else {
        digest = TensorDigest(
          of: tensor, seed: other?.seed ?? TensorDigest.defaultSeed,
          withSample: other?.sample != nil)
      }
    }
  }

  /// What further passes show of a pair whose elements were compared.
  func detail(
    _ pair: RunPairing.Pair, _ result: TensorResult, actual: ActualTensor
  ) -> TensorDetail? {
    guard
      let difference = result.difference, let ours = pair.actual, let theirs = pair.expected,
      case .success(let tensors) = read(ours, theirs, actual)
    else { return nil }
    let (a, e) = WidenedPair.widened(tensors.actual, tensors.expected) ?? tensors
    return try? TensorComparison.detail(actual: a, expected: e, difference: difference)
  }

  private func judgeMissing(_ pair: RunPairing.Pair, _ result: inout TensorResult) {
    let inActual = pair.actual != nil
    result.verdict = inActual ? .missingInExpected : .missingInActual
    result.reason = pair.reason ?? "only the \(inActual ? "actual" : "expected") run has it"
    let skipped = pair.actual?.skipped ?? pair.expected?.skipped
    result.dtype = skipped?.dtype
    result.shape = skipped?.shape
  }

  private func judgeSkipped(
    _ ours: SkippedTensor?, _ theirs: SkippedTensor?, _ result: inout TensorResult
  ) {
    result.dtype = (theirs ?? ours)?.dtype
    result.shape = (theirs ?? ours)?.shape
    switch (ours, theirs) {
    case (let ours?, let theirs?):
      guard !judgeForm(ours.dtype, ours.shape, theirs.dtype, theirs.shape, &result) else { return }
      guard ours.digest == nil, theirs.digest == nil else {
        // The one that has a digest could have been compared.
        judgeSkipped(
          ours.digest == nil ? ours : nil, theirs.digest == nil ? theirs : nil, &result)
        return
      }
      result.verdict = .skipped
      result.reason = "both runs skipped it: \(theirs.reason)"
    case (let ours?, nil):
      result.verdict = .missingInActual
      result.reason = "the actual run skipped it: \(ours.reason)"
    default:
      result.verdict = .missingInExpected
      result.reason = "the expected run skipped it: \(theirs?.reason ?? "")"
    }
  }

  private func judge(
    _ ours: Tensor, _ theirs: Tensor, _ key: TensorKey, _ criterion: TensorCriteria.Criterion,
    _ result: inout TensorResult
  ) {
    result.dtype = theirs.dtype
    result.shape = theirs.shape
    result.note(criterion)
    let isRetyped = judgeForm(ours.dtype, ours.shape, theirs.dtype, theirs.shape, &result)
    if result.verdict == .shape { return }
    var (a, e) = (ours, theirs)
    if isRetyped {
      guard let widened = WidenedPair.widened(ours, theirs) else { return }
      (a, e) = widened
      result.reason = result.reason.map {
        "\($0); the figures are of both converted to \(a.dtype)"
      }
    }
    do {
      var difference = try TensorComparison.difference(
        actual: a, expected: e, rule: criterion.rule)
      if options.areLogits(key) {
        difference.logits = LogitsDifference(actual: a, expected: e)
      }
      if let floor = options.floor {
        difference.floor = FloorFigures(
          candidate: difference, floor: try floorDifference(floor, theirs, key))
        if isRetyped {
          // Another dtype is what the floor is there to judge.
          result.verdict = .match
          result.reason = nil
        }
      }
      result.difference = difference
      if !isRetyped || options.floor != nil,
        case .mismatch(let reason) = criterion.outcome(of: difference)
      {
        result.verdict = .values
        result.reason = reason
      }
    } catch {
      result.verdict = .unreadable
      result.reason = (error as? Unreadable)?.reason ?? "\(error)"
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

  /// Sets the verdict of a pair of another shape or dtype and says whether it is one.
  private func judgeForm(
    _ ourDType: DType, _ ourShape: Shape, _ theirDType: DType, _ theirShape: Shape,
    _ result: inout TensorResult
  ) -> Bool {
    guard ourShape != theirShape || ourDType != theirDType else { return false }
    var parts: [String] = []
    if ourShape != theirShape { parts.append("shape \(ourShape) instead of \(theirShape)") }
    if ourDType != theirDType {
      parts.append("dtype \(ourDType.torchName) instead of \(theirDType.torchName)")
    }
    result.verdict = ourShape != theirShape ? .shape : .dtype
    result.reason = parts.joined(separator: ", ")
    return true
  }

  private struct Unreadable: Error {
    var reason: String
  }

  private static func reading(
    _ name: String, _ read: () throws -> Tensor
  ) throws(Unreadable) -> Tensor {
    do {
      return try read()
    } catch RunError.unreadableTensor(_, let path, let reason) {
      throw Unreadable(reason: "\(name): \(path): \(reason)")
    } catch {
      throw Unreadable(reason: "\(name): \(error)")
    }
  }

  private func read(
    _ ours: TensorRecord, _ theirs: TensorRecord, _ actual: ActualTensor
  ) -> Result<(actual: Tensor, expected: Tensor), Unreadable> {
    var tensors: [Tensor] = []
    var problems: [String] = []
    func add(_ name: String, _ read: () throws -> Tensor) {
      do throws(Unreadable) {
        tensors.append(try Self.reading(name, read))
      } catch {
        problems.append(error.reason)
      }
    }
    add("actual") { try actual(ours.key) }
    add("expected") { try expected.tensor(theirs.key) }
    guard problems.isEmpty, tensors.count == 2 else {
      return .failure(Unreadable(reason: problems.joined(separator: "; ")))
    }
    return .success((tensors[0], tensors[1]))
  }
}

extension TensorResult {
  fileprivate mutating func note(_ criterion: TensorCriteria.Criterion) {
    rule = criterion.position
    isUnmatched = criterion.isUnmatched
    isExact = criterion.isExact
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
