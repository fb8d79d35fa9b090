import AssayBase
import AssayRuns
import AssayTensors

/// Follows one step's calls as they begin and end, and tells where each failing call's error
/// comes from.
///
/// Parents begin before and end after the calls that they contain. So a failing input that no
/// earlier recorded failure explains was made by the code of the call that was running then,
/// between the last call inside it that ended well and the one that begins.
struct ErrorTracer {
  private(set) var step: StepResult
  /// Where the step's first error was born.
  private var firstBirthplace: Birthplace?
  private let preForwardOrder: [Int]
  private let inputCoverage: [InputCoverage]
  private let isIsolated: Bool
  private let earlier: EarlierFailures
  private let isFromStart: Bool
  private let differs: (TensorResult) -> Bool
  /// What is known of the calls whose inputs fail, beside their tensors.
  private(set) var handed = Handed()
  private var running: [Frame] = []
  /// What ended outside of every recorded call.
  private var outermost = Trail()
  private var hasFailed = false
  private var hasMatched = false
  /// The call whose inputs differ although no recorded call had computed anything.
  private(set) var otherInputs: Int?

  /// What ended last among the calls that one call contains.
  private struct Trail {
    /// The last call that ended, was compared and matched.
    var lastMatch: CallKey?
    /// The calls since then that only one run made.
    var loneCalls: [LoneCall] = []
  }

  private struct Frame {
    /// The position in the step's modules.
    var position: Int
    var inputs: InputState
    var trail = Trail()
    /// The first failing call inside.
    var firstFailing: CallKey?
    /// Where the call's own code made the error that a call inside it was handed.
    var birthplace: Birthplace?
    /// Where the failing inputs of the call were made, if nothing recorded explains them.
    var inputBirthplace: Birthplace?
    /// The largest error of its inputs and of what the calls inside it returned so far.
    var suppliedError: Double?
  }

  /// What the failing calls of a step were handed.
  struct Handed {
    /// By the position of a call whose inputs fail.
    var supplies: [Int: Supply] = [:]
    /// The positions of calls that contain a failing one.
    var containers: Set<Int> = []
    /// The positions of calls that may have been given what was not compared.
    var partlyKnown: Set<Int> = []
  }

  /// What the code of a call had at hand when it called another one.
  struct Supply {
    /// The position of the call whose code it is.
    var parent: Int
    /// The largest error of what it had been given or returned.
    var error: Double
    /// The place between the last call that matched and this one.
    var place: Birthplace
  }

  private enum InputState {
    case matching, failing, unknown
  }

  /// - Parameters:
  ///   - step: A step whose modules stand in completion order.
  ///   - preForwardOrder: Positions of the modules in the order in which they began.
  ///   - inputCoverage: What the runs can show of each module's inputs.
  ///   - isIsolated: Whether no call hands its error to another.
  ///   - earlier: What failed in the steps before.
  ///   - isFromStart: Whether all steps up to this one are recorded, from the first, which began
  ///     without anything that was kept before.
  ///   - differs: Which tensors carry an error.
  init(
    step: StepResult, preForwardOrder: [Int], inputCoverage: [InputCoverage], isIsolated: Bool,
    after earlier: EarlierFailures, isFromStart: Bool,
    differs: @escaping (TensorResult) -> Bool
  ) {
    self.step = step
    self.preForwardOrder = preForwardOrder
    self.inputCoverage = inputCoverage
    self.isIsolated = isIsolated
    self.earlier = earlier
    self.isFromStart = isFromStart
    self.differs = differs
  }

  /// Fills in the origin of every failing call.
  mutating func trace() {
    for position in preForwardOrder {
      while let innermost = running.last, innermost.position < position { end() }
      begin(position)
    }
    while !running.isEmpty { end() }
  }

  /// The first call in completion order with a tensor that differs.
  var divergence: Divergence? {
    for module in step.modules {
      guard
        let failing = module.tensors.first(where: differs), var origin = module.origin
      else { continue }
      var tensor = failing
      if isIsolated {
        // A module that fails by its outputs is shown by them, whatever it was to be given.
        if origin.cause == .introduced {
          tensor = module.tensors.first { $0.slot.side != .inputs && differs($0) } ?? failing
        }
      } else if origin.cause != .introduced {
        origin.birthplace = firstBirthplace ?? origin.birthplace
      }
      return Divergence(call: module.call, tensor: tensor, origin: origin)
    }
    return nil
  }

  private func state(of module: ModuleResult, _ coverage: InputCoverage) -> InputState {
    let inputs = module.inputs
    if inputs.contains(where: differs) { return .failing }
    let areCompared = !inputs.isEmpty && inputs.allSatisfy { $0.isCompared && !$0.hasFormErrorOnly }
    guard areCompared else { return .unknown }
    return switch coverage {
    case .all: .matching
    // Before anything fails, nothing that differs can have come by keyword.
    case .positional: isFromStart && !hasFailed ? .matching : .unknown
    // In the first step nothing was kept before; later, a module that made an error of its own
    // makes it again.
    case .state, .filledState:
      isFromStart && !hasFailed && (step.index == 0 || earlier.introduced(module.call.module))
        ? .matching : .unknown
    case .partial: .unknown
    }
  }

  /// Whether nothing can have come to a call but by its recorded inputs.
  private func isShown(_ coverage: InputCoverage) -> Bool {
    coverage == .all
      || (coverage == .state || coverage == .filledState) && isFromStart && step.index == 0
  }

  private mutating func begin(_ position: Int) {
    let module = step.modules[position]
    var frame = Frame(
      position: position, inputs: state(of: module, inputCoverage[position]),
      suppliedError: module.inputError)
    if !isShown(inputCoverage[position]) || module.inputs.contains(where: { !$0.isCompared }) {
      handed.partlyKnown.insert(position)
    }
    if frame.inputs == .failing {
      if !hasFailed, !hasMatched, running.allSatisfy({ $0.inputs == .unknown }) {
        otherInputs = position
      }
      if let parent = running.last, let error = parent.suppliedError {
        handed.supplies[position] = Supply(
          parent: parent.position, error: error, place: place(before: module.call, .inputs))
      }
      if isIsolated {
        frame.inputBirthplace = birthplace(before: module.call, .inputs)
      } else if !isExplained {
        frame.inputBirthplace = birthplace(before: module.call, .inputs)
        if !running.isEmpty { running[running.count - 1].birthplace = frame.inputBirthplace }
      }
      fail(module.call)
    }
    running.append(frame)
  }

  private mutating func end() {
    let frame = running.removeLast()
    if frame.firstFailing != nil { handed.containers.insert(frame.position) }
    let module = step.modules[frame.position]
    let fails = module.results.contains(where: differs)
    if let error = module.outputError, !running.isEmpty {
      running[running.count - 1].suppliedError = max(
        running[running.count - 1].suppliedError ?? 0, error)
    }
    if fails || frame.inputs == .failing {
      var origin = ErrorOrigin(
        cause: .unknown, inputError: module.inputError, outputError: module.outputError)
      if isIsolated {
        explainIsolated(&origin, frame, module.call, fails: fails)
      } else {
        explain(&origin, frame, module.call)
      }
      // Where recorded inputs were not compared, that is the reason, and not what is hidden.
      if origin.cause == .unknown, module.inputs.allSatisfy(\.isCompared) {
        origin.inputCoverage = inputCoverage[frame.position]
      }
      step.modules[frame.position].origin = origin
      fail(module.call)
      return
    }
    if module.tensors.contains(where: \.hasFormErrorOnly) {
      step.modules[frame.position].origin = ErrorOrigin(cause: .form)
    }
    switch module.presence {
    case .actualOnly, .expectedOnly:
      trail.loneCalls.append(
        LoneCall(call: module.call, isActual: module.presence == .actualOnly))
    case .both:
      guard module.results.contains(where: { $0.verdict == .match }) else { break }
      trail = Trail(lastMatch: module.call)
      hasMatched = true
    }
  }

  /// Decides the cause; `frame` is no longer among the running ones.
  private mutating func explain(_ origin: inout ErrorOrigin, _ frame: Frame, _ call: CallKey) {
    switch frame.inputs {
    case .failing:
      origin.cause = .inherited
      origin.birthplace = frame.inputBirthplace
    case .matching where frame.firstFailing == nil || frame.birthplace != nil:
      if let step = earlier.step(inWhichInherited: call.module) {
        origin.cause = .unknown
        origin.earlierStep = step
        break
      }
      origin.cause = .introduced
      origin.birthplace = frame.birthplace ?? ownEnd(frame, call)
      firstBirthplace = firstBirthplace ?? origin.birthplace
    case .unknown where frame.firstFailing == nil:
      origin.cause = .unknown
      guard !isExplained else { break }
      origin.birthplace = ownEnd(frame, call) ?? birthplace(before: call, .outputs)
      firstBirthplace = firstBirthplace ?? origin.birthplace
    case .unknown where frame.birthplace != nil:
      origin.cause = .unknown
      origin.birthplace = frame.birthplace
    default:
      origin.cause = .inherited
      origin.inside = frame.firstFailing
    }
  }

  /// Decides the cause where no error is handed on: that of failing outputs is the module, that of
  /// failing inputs the code around it.
  private func explainIsolated(
    _ origin: inout ErrorOrigin, _ frame: Frame, _ call: CallKey, fails: Bool
  ) {
    if fails {
      origin.cause = .introduced
      origin.birthplace = ownEnd(frame, call)
      // The outputs were not made from the inputs that were measured.
      origin.inputError = nil
    } else {
      origin.cause = .inherited
      origin.birthplace = frame.inputBirthplace
      origin.outputError = nil
    }
  }

  /// The place after the last call inside and before the call's own outputs.
  private func ownEnd(_ frame: Frame, _ call: CallKey) -> Birthplace? {
    let trail = frame.trail
    guard trail.lastMatch != nil || !trail.loneCalls.isEmpty else { return nil }
    return Birthplace(
      inside: call, after: trail.lastMatch, before: call, side: .outputs,
      loneCalls: trail.loneCalls)
  }

  /// What ended last within the innermost call that is running.
  private var trail: Trail {
    get { running.last?.trail ?? outermost }
    set {
      if running.isEmpty {
        outermost = newValue
      } else {
        running[running.count - 1].trail = newValue
      }
    }
  }

  private mutating func birthplace(before call: CallKey, _ side: Slot.Side) -> Birthplace {
    let place = place(before: call, side)
    firstBirthplace = firstBirthplace ?? place
    return place
  }

  private func place(before call: CallKey, _ side: Slot.Side) -> Birthplace {
    Birthplace(
      inside: running.last.map { step.modules[$0.position].call }, after: trail.lastMatch,
      before: call, side: side, loneCalls: trail.loneCalls)
  }

  /// Whether a failure that was seen can be what reaches a call that begins or ends now.
  private var isExplained: Bool {
    guard let parent = running.last else { return hasFailed }
    switch parent.inputs {
    case .failing: return true
    case .matching: return parent.firstFailing != nil
    // What it was handed was not recorded, so any earlier failure may have come that way.
    case .unknown: return hasFailed
    }
  }

  private mutating func fail(_ call: CallKey) {
    hasFailed = true
    for i in running.indices where running[i].firstFailing == nil { running[i].firstFailing = call }
  }
}

/// The modules that failed in earlier steps.
///
/// A module may keep what it computed, such as keys and values, and use it in the next step, where
/// no recorded input tells of it.
struct EarlierFailures {
  private var firstFailing: NameMap<Int> = [:]
  private var introducing: Set<ExactName> = []

  /// Whether a module made an error of its own before.
  func introduced(_ module: String) -> Bool { introducing.contains(ExactName(module)) }

  /// The first step in which a module failed, unless it ever made an error of its own.
  func step(inWhichInherited module: String) -> Int? {
    introducing.contains(ExactName(module)) ? nil : firstFailing[module]
  }

  mutating func add(_ step: StepResult) {
    for module in step.modules {
      guard let origin = module.origin, origin.cause != .form else { continue }
      let name = module.call.module
      firstFailing[name] = firstFailing[name] ?? step.index
      if origin.cause == .introduced { introducing.insert(ExactName(name)) }
    }
  }
}

extension TensorResult {
  /// Whether values are NaN or infinite on one side only, or differently.
  var differsInNonFinite: Bool {
    estimate?.differsInNonFinite ?? (difference?.nonFiniteDifferenceCount ?? 0 > 0)
  }

  /// Whether values differ at all, be it within the tolerance.
  var differsAtAll: Bool {
    if hasValueError { return true }
    guard let difference else { return estimate.map { !$0.isEqual } ?? false }
    return difference.nonFiniteDifferenceCount > 0 || difference.maxAbs?.value ?? 0 > 0
  }
}

extension Divergence {
  /// The first tensor of the steps that fails in some way, where none fails by its values.
  init?(firstOf steps: [StepResult], where fails: (TensorResult) -> Bool) {
    for step in steps {
      for module in step.modules {
        guard let tensor = module.tensors.first(where: fails) else { continue }
        self.init(
          call: module.call, tensor: tensor, origin: module.origin ?? ErrorOrigin(cause: .unknown))
        return
      }
    }
    return nil
  }
}
