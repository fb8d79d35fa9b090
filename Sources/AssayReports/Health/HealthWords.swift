import AssayComparison
import AssayRuns
import AssayTensors

extension HealthKind {
  /// The heading of its findings.
  var title: String {
    switch self {
    case .nonFinite: "NaN and infinity"
    case .saturated: "At the largest number"
    case .nearLargest: "Near the largest number"
    case .nearSmallest: "Near the smallest number"
    case .subnormal: "Subnormal numbers"
    case .allZero: "Outputs that are all zero"
    case .constant: "Constant outputs"
    case .maskEverything: "Masks that hide everything"
    case .maskedRows: "Rows that are masked whole"
    case .maskOverflow: "Masks that overflowed"
    }
  }
}

extension HealthFinding {
  /// What is wrong with the elements: a clause of plain text, without a full stop.
  var found: String {
    let census = tensor.census
    let details = census.details
    let elements = MarkdownText.count(census.elementCount, "element")
    let limits = tensor.dtype.floatLimits
    let largest = "\(tensor.dtype)'s largest number, \(Self.limit(limits?.largest))"
    let normal = "\(tensor.dtype)'s smallest normal number, \(Self.limit(limits?.smallestNormal))"
    /// So many of the elements, or some of a digest's.
    func share(_ count: Int?) -> String {
      count.map { "\($0) of \(elements) \($0 == 1 ? "is" : "are")" } ?? "some of \(elements) are"
    }
    switch kind {
    case .nonFinite:
      return share(census.nonFiniteCount) + " NaN or infinite (\(tensor.nonFiniteText))"
        + tensor.place(details?.firstNonFinite) + "; \(tensor.rangeText)"
    case .saturated:
      return share(details?.largestCount) + " at \(largest)"
    case .nearLargest:
      return share(details?.largeCount) + " near \(largest)" + tensor.place(details?.firstLarge)
        + "; \(tensor.rangeText)"
    case .nearSmallest:
      let subnormal = details.map { "; \($0.subnormalCount) are subnormal" } ?? ""
      return "no element is larger than \(MarkdownText.number(census.magnitude)), near \(normal)"
        + subnormal
    case .subnormal:
      let nonzero = census.elementCount - (details?.zeroCount ?? 0)
      return "\(details?.subnormalCount ?? 0) of \(nonzero) elements that are not zero are below "
        + normal
    case .allZero: return "all \(elements) are zero"
    case .constant: return "all \(elements) are \(MarkdownText.number(census.max))"
    case .maskEverything: return "all \(elements) hide; \(tensor.rangeText)"
    case .maskedRows:
      let rows = MarkdownText.count(
        census.elementCount / max(tensor.shape.rowLength, 1), "row")
      return "\(maskedRowCount ?? 0) of \(rows) hold nothing but -inf, of which softmax makes NaN"
    case .maskOverflow:
      return share(census.infCount) + " -inf beside others of \(MarkdownText.number(census.min)): "
        + "a sum of masks overflowed"
    }
  }

  /// A dtype's limit: whole where it is short.
  private static func limit(_ value: Double?) -> String {
    guard let value, value >= 1, value < 1e6 else { return MarkdownText.number(value) }
    return MarkdownText.exact(value)
  }

  /// Where it comes from, in plain text without a full stop.
  var origin: String { origin(birthplace?.description) }

  /// Where it comes from.
  ///
  /// - Parameter place: The birthplace in words.
  func origin(_ place: String?) -> String {
    switch cause {
    case .made: place.map { "made \($0)" } ?? "made here: nothing that it was given shows it"
    case .given:
      "from outside of the recorded modules"
        + (birthplace?.after == nil ? "" : place.map { ", \($0)" } ?? "")
    case .unknown:
      "cause unknown: not all inputs were recorded" + (place.map { "; born \($0)" } ?? "")
    }
  }

  /// What its maker was given, each with its range.
  ///
  /// - Parameter limit: The most tensors that are listed.
  func givenText(limit: Int) -> String {
    let texts = given.prefix(limit).map { given in
      "\(PlainText.line(given.slot.rawValue, limit: 80)) "
        + [given.finiteText, given.census.nonFiniteCount > 0 ? given.nonFiniteText : nil]
        .compactMap { $0 }.joined(separator: " and ")
    }
    let rest = given.count - limit
    return (texts + (rest > 0 ? ["\(rest) more"] : [])).joined(separator: ", ")
  }

  /// How often else it shows first.
  var repetition: String? {
    let parts = [
      tensorCount > 1 ? "in \(tensorCount) tensors of the call" : nil,
      stepCount > 1 ? "in \(stepCount) steps" : nil,
    ].compactMap { $0 }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  /// The finding in one sentence of plain text, without a full stop.
  var sentence: String {
    "\(PlainText.name(call)) in step \(call.step), \(PlainText.line(tensor.slot.rawValue, limit: 80)) on "
      + "\(PlainText.line(tensor.device.name, limit: 40)): \(found)"
  }
}

extension HealthFinding.Figures {
  /// The range of the finite elements, in a clause.
  var rangeText: String {
    guard let finiteText else { return "no element is finite" }
    return (census.nonFiniteCount > 0 ? "finite ones from " : "from ") + finiteText
  }

  /// The range of the finite elements; `nil` without one.
  var finiteText: String? {
    guard let min = census.min, let max = census.max else { return nil }
    return "\(MarkdownText.number(min)) to \(MarkdownText.number(max))"
  }

  /// How many elements are NaN, inf and -inf; an en dash where none is.
  var nonFiniteText: String {
    let counts: [(Int, String)] =
      if let negative = census.details?.negativeInfCount {
        [
          (census.nanCount, "NaN"), (census.infCount - negative, "inf"), (negative, "-inf"),
        ]
      } else {
        [(census.nanCount, "NaN"), (census.infCount, "infinite")]
      }
    let parts = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return parts.isEmpty ? "–" : parts.joined(separator: ", ")
  }

  fileprivate func place(_ component: Int?) -> String {
    MarkdownText.index(
      component.map { $0 / (dtype.isComplex ? 2 : 1) }, dtype.valueShape(of: shape), ", first at ",
      "")
  }
}

extension RunHealth {
  /// How much was checked.
  var checkedText: String {
    "\(MarkdownText.count(summary.tensors, "tensor")) "
      + "(\(MarkdownText.count(summary.elements, "element"))) checked"
      + (summary.digests > 0 ? ", of them \(summary.digests) by digests" : "")
  }

  /// What is wrong, in counts; `nil` where nothing is.
  var countsText: String? {
    let parts =
      [
        (findings.count, "finding"), (summary.unreadable, "unreadable tensor"),
        (failures.count, "failure"),
      ].filter { $0.0 > 0 }.map { MarkdownText.count($0.0, $0.1) }
      + (summary.notRecorded > 0
        ? ["\(MarkdownText.count(summary.notRecorded, "tensor")) not recorded"] : [])
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  /// What is wrong first, in one sentence without a full stop; `nil` where nothing is.
  var sentence: String? {
    if let first = firstNonFinite ?? findings.first { return first.sentence }
    if let first = unchecked.first {
      let verb = first.cause == .unreadable ? "could not be read" : "was not recorded"
      return "\(first.key) \(verb): \(PlainText.line(first.reason, limit: 240))"
    }
    return failures.first?.description
  }

  /// The kinds that were found, with their findings.
  var findingsByKind: [(kind: HealthKind, findings: [HealthFinding])] {
    Dictionary(grouping: findings, by: \.kind).sorted { $0.key < $1.key }
      .map { (kind: $0.key, findings: $0.value) }
  }

  /// How many tensors have the same and inherit it; `nil` where none does.
  func inheritedText(_ kind: HealthKind) -> String? {
    guard let count = inherited[kind], count > 0 else { return nil }
    return "\(MarkdownText.count(count, "more tensor")) inherit\(count == 1 ? "s" : "") it"
  }

  /// The tensors whose lack is a failure.
  private var unchecked: [Unchecked] { unchecked(.unreadable) + unchecked(.notRecorded) }

  /// What a reader should know besides the findings, each with its label.
  var remarks: [(label: String, text: String)] {
    let limit = 20
    let unchecked = unchecked
    let rest = unchecked.count - limit
    func label(_ cause: Unchecked.Cause) -> String {
      cause == .unreadable ? "unreadable" : "not recorded"
    }
    return failures.map { ("failure", $0.description) }
      + unchecked.prefix(limit).map { (label($0.cause), "\($0.key): \($0.reason)") }
      + (rest > 0 ? [("unchecked", "and \(rest) more tensors")] : [])
      + notes.map { ("note", $0) }
  }
}
