import AssayRuns
import AssayTensors
import Foundation

/// Tells what each failing call added to the error that it was handed.
///
/// Two runs do not tell what a module would have made of inputs that match. Its counterparts do: the
/// same module of other layers and steps, by its name without numbers. A call whose outputs grow
/// far more than theirs has added an error of its own, though its inputs differ already; so has the
/// code around a call whose inputs differ far more from what was at hand than those of its
/// counterparts, be it a residual addition.
struct ErrorAccount {
  /// How the errors grow in calls of one kind.
  struct Peers {
    private let median: Double
    private let limit: Double

    /// The least calls to know a kind by.
    private static let leastCount = 5
    /// The least growth, over the usual one, that is an error of the call's own.
    private static let leastExcess = log(4.0)
    /// Median absolute deviations that a normal distribution leaves about once in a million times.
    private static let deviations = 5 * 1.4826

    /// - Parameter growths: Errors going out over errors going in; `nil` for too few to tell.
    init?(_ growths: [Double]) {
      guard growths.count >= Peers.leastCount else { return nil }
      let logs = growths.map { log($0) }
      let middle = Peers.median(logs)
      let spread = Peers.median(logs.map { abs($0 - middle) })
      median = exp(middle)
      limit = exp(middle + max(Peers.leastExcess, Peers.deviations * spread))
    }

    /// What goes out beyond what the usual growth explains, taking both to be independent.
    func excess(of output: Double, over input: Double) -> Double {
      let explained = median * input
      return output > explained ? (output * output - explained * explained).squareRoot() : 0
    }

    func isOutside(_ growth: Double) -> Bool { growth > limit }

    private static func median(_ values: [Double]) -> Double {
      let sorted = values.sorted()
      let half = sorted.count / 2
      return sorted.count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
    }
  }

  private let isIsolated: Bool
  private let handed: [ErrorTracer.Handed]
  /// By kind: growth from a call's inputs to its outputs.
  private let modules: [ModuleKind: Peers]
  /// By kind: growth from what the code around a call had at hand to the call's inputs.
  private let suppliers: [ModuleKind: Peers]

  /// - Parameters:
  ///   - steps: The steps with every failing call's cause.
  ///   - handed: Of each step what its failing calls were handed.
  ///   - isIsolated: Whether no call hands its error to another.
  init(_ steps: [StepResult], _ handed: [ErrorTracer.Handed], isIsolated: Bool) {
    self.handed = handed
    self.isIsolated = isIsolated
    var modules: [ModuleKind: [Double]] = [:]
    var suppliers: [ModuleKind: [Double]] = [:]
    for (step, handed) in zip(steps, handed) {
      for module in step.modules where module.hasFailingInputs {
        guard let growth = module.origin?.growth, growth.isNormal else { continue }
        modules[ModuleKind(module.call.module), default: []].append(growth)
      }
      for (position, supply) in handed.supplies {
        let module = step.modules[position]
        guard let input = module.inputError, (input / supply.error).isNormal else { continue }
        suppliers[ModuleKind(module.call.module), default: []].append(input / supply.error)
      }
    }
    self.modules = modules.compactMapValues(Peers.init)
    self.suppliers = suppliers.compactMapValues(Peers.init)
  }

  /// Completes the origin of every failing call.
  func settle(_ steps: inout [StepResult]) {
    for (index, handed) in handed.enumerated() {
      for position in steps[index].modules.indices {
        let isToldByInputs =
          !handed.containers.contains(position) && !handed.partlyKnown.contains(position)
        settle(&steps[index].modules[position], isToldByInputs: isToldByInputs)
      }
      guard !isIsolated else { continue }
      for (position, supply) in handed.supplies.sorted(by: { $0.key < $1.key })
      where !handed.partlyKnown.contains(supply.parent) {
        blame(supply, for: steps[index].modules[position], in: &steps[index])
      }
    }
  }

  /// - Parameter isToldByInputs: Whether all that the call was given is known, and no call inside it
  ///   explains its outputs.
  private func settle(_ module: inout ModuleResult, isToldByInputs: Bool) {
    guard var origin = module.origin else { return }
    let output = origin.outputError ?? 0
    let peers = modules[ModuleKind(module.call.module)]
    if origin.cause == .introduced {
      let input = origin.inputError ?? 0
      origin.introducedError =
        input > 0 && input.isFinite ? peers?.excess(of: output, over: input) ?? output : output
    } else if origin.cause == .inherited, origin.inside == nil, !isIsolated,
      let growth = origin.growth, let input = origin.inputError
    {
      if isToldByInputs, module.makesNonFinite {
        origin.cause = .introduced
        origin.introducedError = .infinity
      } else if isToldByInputs, let peers, peers.isOutside(growth) {
        origin.cause = .introduced
        origin.introducedError = peers.excess(of: output, over: input)
      } else if growth >= 2 {
        origin.cause = .amplified
      } else if growth <= 0.5 || !module.results.contains(where: \.verdict.isFailure) {
        origin.cause = .absorbed
      }
    }
    module.origin = origin
  }

  /// Finds that the code of a call added an error before it called another one.
  private func blame(
    _ supply: ErrorTracer.Supply, for call: ModuleResult, in step: inout StepResult
  ) {
    guard let peers = suppliers[ModuleKind(call.call.module)], let input = call.inputError,
      supply.error > 0,
      peers.isOutside(input / supply.error),
      var origin = step.modules[supply.parent].origin, origin.cause != .introduced,
      origin.cause != .unknown
    else { return }
    origin.cause = .introduced
    origin.birthplace = supply.place
    origin.introducedError = peers.excess(of: input, over: supply.error)
    step.modules[supply.parent].origin = origin
  }
}

extension ModuleResult {
  fileprivate var hasFailingInputs: Bool { inputs.contains(where: \.hasValueError) }

  /// Whether values are NaN or infinite on one side only in the outputs, and not in the inputs.
  fileprivate var makesNonFinite: Bool {
    results.contains(where: \.differsInNonFinite) && !inputs.contains(where: \.differsInNonFinite)
  }
}
