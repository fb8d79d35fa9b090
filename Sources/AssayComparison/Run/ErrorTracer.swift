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
  private let differs: (TensorResult) -> Bool
  /// What is known of the calls whose inputs fail, beside their tensors.
  private(set) var handed = Handed()
  private var running: [Frame] = []
  private var hasFailed = false

  private struct Frame {
    /// The position in the step's modules.
    var position: Int
    var inputs: InputState
    /// The last call inside that ended, was compared and matched.
    var lastMatch: ModuleCall?
    /// The first failing call inside.
    var firstFailing: ModuleCall?
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
  ///   - differs: Which tensors carry an error.
  init(
    step: StepResult, preForwardOrder: [Int], inputCoverage: [InputCoverage], isIsolated: Bool,
    after earlier: EarlierFailures,
    differs: @escaping (TensorResult) -> Bool
  ) {
    self.step = step
    self.preForwardOrder = preForwardOrder
    self.inputCoverage = inputCoverage
    self.isIsolated = isIsolated
    self.earlier = earlier
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
      return Divergence(step: step.step, call: module.call, tensor: tensor, origin: origin)
    }
    return nil
  }

  private func state(ofInputs inputs: [TensorResult], _ coverage: InputCoverage) -> InputState {
    if inputs.contains(where: differs) { return .failing }
    let areCompared =
      !inputs.isEmpty
      && inputs.allSatisfy { $0.verdict == .match || $0.verdict == .values }
    switch coverage {
    case .all: return areCompared ? .matching : .unknown
    // Before anything fails, nothing that differs can have come by keyword.
    case .positional: return areCompared && !hasFailed ? .matching : .unknown
    case .partial: return .unknown
    }
  }

  private mutating func begin(_ position: Int) {
    let module = step.modules[position]
    var frame = Frame(
      position: position, inputs: state(ofInputs: module.inputs, inputCoverage[position]),
      suppliedError: module.inputError)
    if inputCoverage[position] != .all || module.inputs.contains(where: { !$0.isCompared }) {
      handed.partlyKnown.insert(position)
    }
    if frame.inputs == .failing {
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
      step.modules[frame.position].origin = origin
      fail(module.call)
    } else if module.tensors.contains(where: { $0.verdict == .match && $0.slot.side != .inputs }),
      !running.isEmpty
    {
      running[running.count - 1].lastMatch = module.call
    }
  }

  /// Decides the cause; `frame` is no longer among the running ones.
  private mutating func explain(_ origin: inout ErrorOrigin, _ frame: Frame, _ call: ModuleCall) {
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
    _ origin: inout ErrorOrigin, _ frame: Frame, _ call: ModuleCall, fails: Bool
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
  private func ownEnd(_ frame: Frame, _ call: ModuleCall) -> Birthplace? {
    frame.lastMatch.map { Birthplace(inside: call, after: $0, before: call, side: .outputs) }
  }

  private mutating func birthplace(before call: ModuleCall, _ side: Slot.Side) -> Birthplace {
    let place = place(before: call, side)
    firstBirthplace = firstBirthplace ?? place
    return place
  }

  private func place(before call: ModuleCall, _ side: Slot.Side) -> Birthplace {
    Birthplace(
      inside: running.last.map { step.modules[$0.position].call }, after: running.last?.lastMatch,
      before: call, side: side)
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

  private mutating func fail(_ call: ModuleCall) {
    hasFailed = true
    for i in running.indices where running[i].firstFailing == nil { running[i].firstFailing = call }
  }
}

/// The modules that failed in earlier steps.
///
/// A module may keep what it computed, such as keys and values, and use it in the next step, where
/// no recorded input tells of it.
struct EarlierFailures {
  private var firstFailing: [String: Int] = [:]
  private var introducing: Set<String> = []

  /// The first step in which a module failed, unless it ever made an error of its own.
  func step(inWhichInherited module: String) -> Int? {
    introducing.contains(module) ? nil : firstFailing[module]
  }

  mutating func add(_ step: StepResult) {
    for module in step.modules {
      guard let origin = module.origin else { continue }
      let name = module.call.module
      firstFailing[name] = firstFailing[name] ?? step.step
      if origin.cause == .introduced { introducing.insert(name) }
    }
  }
}

extension TensorResult {
  /// Whether values are NaN or infinite on one side only, or differently.
  var differsInNonFinite: Bool {
    estimate?.differsInNonFinite ?? (difference?.nonFiniteDifferenceCount ?? 0 > 0)
  }

  /// Whether anything differs at all, be it within the tolerance.
  var differsAtAll: Bool {
    if verdict.isDivergence { return true }
    guard let difference else { return estimate.map { !$0.isEqual } ?? false }
    return difference.nonFiniteDifferenceCount > 0 || difference.maxAbs?.value ?? 0 > 0
  }
}

extension Divergence {
  /// The first failing tensor of any kind, for steps in which none fails by its values.
  init?(firstMissingOf steps: [StepResult]) {
    for step in steps {
      for module in step.modules {
        guard let tensor = module.tensors.first(where: \.verdict.isFailure) else { continue }
        self.init(
          step: step.step, call: module.call, tensor: tensor, origin: ErrorOrigin(cause: .unknown))
        return
      }
    }
    return nil
  }
}
