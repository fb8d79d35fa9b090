import AssayRuns
import AssayTensors

/// Follows one step's calls as they begin and end, and tells which of them show something first.
///
/// Parents begin before and end after the calls that they contain. What a call was given, or what a
/// call inside it showed before, is inherited and only counted.
struct HealthTracer {
  private let step: MeasuredStep
  /// What modules only inherited in the earlier steps: they may keep it, as a cache does.
  private let earlier: [String: HealthKinds]
  private(set) var findings: [HealthFinding] = []
  /// How many tensors only inherit.
  private(set) var inherited: [HealthKind: Int] = [:]
  /// What modules only inherit.
  private(set) var heirs: [String: HealthKinds] = [:]
  /// How many inputs hold the work of a mask.
  private(set) var excusedCount = 0
  private var running: [Frame] = []
  private var seen: HealthKinds = []
  /// The last call outside of any other that ended.
  private var lastEnded: CallKey?

  private struct Frame {
    /// The position in the step's calls.
    var position: Int
    /// What its inputs show.
    var given: HealthKinds = []
    /// What calls inside it show first.
    var inside: HealthKinds = []
    /// What its inputs show that a mask may explain; a finding if it comes out again.
    var pending: [HealthKind: HealthFinding] = [:]
    /// Whether all its inputs were measured, and whether those given by name are among them.
    var isKnown = false
    var isPositional = false
    /// The last call inside that ended.
    var lastEnded: CallKey?
  }

  init(_ step: MeasuredStep, earlier: [String: HealthKinds]) {
    self.step = step
    self.earlier = earlier
  }

  mutating func trace() {
    var rank = [Int](repeating: 0, count: step.calls.count)
    for (position, call) in step.completionOrder.enumerated() { rank[call] = position }
    for position in step.calls.indices {
      while let innermost = running.last, rank[innermost.position] < rank[position] { end() }
      begin(position)
    }
    while !running.isEmpty { end() }
  }

  private mutating func begin(_ position: Int) {
    let call = step.calls[position]
    let inputs = call.inputs
    var frame = Frame(position: position)
    frame.isKnown =
      !inputs.isEmpty && call.inputCoverage != .partial && inputs.allSatisfy { $0.signs != nil }
    frame.isPositional = call.inputCoverage == .positional
    if inputs.areDead { frame.given.formUnion(.dead) }
    let shown = inputs.reduce(into: HealthKinds()) { $0.formUnion($1.kinds) }.subtracting(.dead)
    for kind in shown.kinds {
      let tensors = inputs.filter { $0.shows(kind) }
      let isExcusable = tensors.allSatisfy { $0.signs?.excusable.contains(.only(kind)) ?? false }
      if explained.contains(.only(kind)) {
        frame.given.insert(.only(kind))
        inherit(kind, call.call, tensors.count)
      } else {
        frame.pending[kind] =
          running.last?.pending[kind] ?? finding(kind, tensors, of: call, at: .inputs)
        if !isExcusable { confirm(kind, in: &frame) }
      }
    }
    running.append(frame)
  }

  private mutating func end() {
    var frame = running.removeLast()
    let call = step.calls[frame.position]
    let outputs = call.outputs
    let shown = outputs.reduce(into: HealthKinds()) { $0.formUnion($1.kinds) }
    for kind in shown.kinds {
      let tensors = outputs.filter { $0.shows(kind) }
      if frame.given.contains(.only(kind)) || frame.inside.contains(.only(kind)) {
        inherit(kind, call.call, tensors.count)
      } else if frame.pending[kind] != nil {
        confirm(kind, in: &frame)
        inherit(kind, call.call, tensors.count)
      } else if !isKnown(frame, kind), explained.contains(.only(kind)) {
        inherit(kind, call.call, tensors.count)
      } else if let finding = finding(kind, tensors, of: call, at: .outputs, frame) {
        report(finding)
      }
    }
    for kind in frame.pending.keys where !frame.inside.contains(.only(kind)) {
      excusedCount += call.inputs.count { $0.shows(kind) }
    }
    guard outputs.contains(where: { $0.signs != nil }) else { return }
    if running.isEmpty {
      lastEnded = call.call
    } else {
      running[running.count - 1].lastEnded = call.call
    }
  }

  /// What reaches a call that begins now from elsewhere than the code around it.
  private var explained: HealthKinds {
    guard let parent = running.last else { return seen }
    let recorded = parent.given.union(parent.inside)
    return parent.isKnown && !parent.isPositional ? recorded : recorded.union(seen)
  }

  private func isKnown(_ frame: Frame, _ kind: HealthKind) -> Bool {
    frame.isKnown && !(frame.isPositional && seen.contains(.only(kind)))
  }

  /// Reports what was waiting for what comes out.
  private mutating func confirm(_ kind: HealthKind, in frame: inout Frame) {
    guard let finding = frame.pending.removeValue(forKey: kind) else { return }
    report(finding)
    frame.given.insert(.only(kind))
  }

  private mutating func inherit(_ kind: HealthKind, _ call: CallKey, _ count: Int) {
    inherited[kind, default: 0] += count
    heirs[call.module, default: []].insert(.only(kind))
  }

  private mutating func report(_ finding: HealthFinding) {
    seen.insert(.only(finding.kind))
    for position in running.indices { running[position].inside.insert(.only(finding.kind)) }
    let before = earlier[finding.call.module] ?? []
    if before.contains(.only(finding.kind)) {
      inherit(finding.kind, finding.call, finding.tensorCount)
    } else {
      findings.append(finding)
    }
  }

  /// - Parameter frame: The call's own, where its outputs show it.
  private func finding(
    _ kind: HealthKind, _ tensors: [MeasuredTensor], of call: MeasuredCall, at side: Slot.Side,
    _ frame: Frame? = nil
  ) -> HealthFinding? {
    guard let first = tensors.first, let figures = first.figures else { return nil }
    let parent = running.last.map { step.calls[$0.position] }
    let around = Birthplace(
      inside: parent?.call, after: running.last.map(\.lastEnded) ?? lastEnded, before: call.call,
      side: side)
    var (cause, birthplace): (HealthFinding.Cause, Birthplace?) = (.made, around)
    var given = call.inputs
    if let frame {
      if !isKnown(frame, kind) {
        cause = .unknown
      } else {
        birthplace = frame.lastEnded.map {
          Birthplace(inside: call.call, after: $0, before: call.call, side: side)
        }
      }
    } else if let parent, let frame = running.last {
      given = parent.inputs
      cause = isKnown(frame, kind) ? .made : .unknown
    } else {
      given = []
      cause = .given
    }
    return HealthFinding(
      kind: kind, call: call.call, tensor: figures,
      maskedRowCount: kind == .maskedRows ? first.signs?.maskedRowCount : nil,
      tensorCount: tensors.count, cause: cause, birthplace: birthplace,
      given: given.compactMap(\.figures))
  }
}

extension [MeasuredTensor] {
  /// Whether there are floats among them, other than masks and lone numbers, and all are the same
  /// throughout: nothing else can come of them.
  fileprivate var areDead: Bool {
    var isAny = false
    for tensor in self {
      guard case .measured(let figures, let signs) = tensor.outcome else { return false }
      guard figures.dtype.floatLimits != nil, !signs.isMask, figures.census.elementCount > 1 else {
        continue
      }
      guard tensor.isDead else { return false }
      isAny = true
    }
    return isAny
  }
}
