import AssayBase
package import AssayComparison
import AssayRuns
import AssayTensors
package import Foundation

extension JSONReport {
  /// Renders what checking one run came to as JSON, schema `assay.check/1`.
  ///
  /// - Returns: One line of UTF-8 with sorted keys.
  /// - Throws: `EncodingError`.
  package static func render(_ health: RunHealth) -> Data {
    var data = json(health).encoded()
    data.append(0x0A)
    return data
  }

  private static func json(_ health: RunHealth) -> JSONValue {
    let (options, summary) = (health.options, health.summary)
    // A type for each part: the compiler would try them all together for seconds.
    let steps: JSONValue = options.steps.map { .array($0.map(integer)) } ?? .null
    let modules: JSONValue =
      options.modules.map { .array($0.map { .string($0.source) }) } ?? .null
    let first: JSONValue = health.firstNonFinite.map { .object(name($0)) } ?? .null
    return .object([
      "schema": .string("assay.check/1"),
      "verdict": .string(health.isHealthy ? "healthy" : "unhealthy"),
      "path": .string(health.path), "run": .string(health.manifest.id),
      "parameters": .object(["steps": steps, "modules": modules]),
      "summary": .object([
        "steps": integer(health.steps.count), "calls": integer(summary.calls),
        "tensors": integer(summary.tensors), "digests": integer(summary.digests),
        "elements": integer(summary.elements), "skipped": integer(summary.skipped),
        "not_recorded": integer(summary.notRecorded),
        "unreadable": integer(summary.unreadable), "masked_inputs": integer(summary.masked),
      ]),
      "first_non_finite": first,
      "findings": .array(health.findings.map(json)),
      "inherited": .object(
        Dictionary(
          uniqueKeysWithValues: HealthKind.allCases.map {
            ($0.rawValue, integer(health.inherited[$0] ?? 0))
          })),
      "unchecked": .array(
        health.steps.flatMap { $0.calls.flatMap { $0.unchecked.map(json) } }),
      "failures": .array(health.failures.map { .string($0.description) }),
      "notes": .array(health.notes.map(JSONValue.string)),
    ])
  }

  private static func name(_ finding: HealthFinding) -> [String: JSONValue] {
    [
      "step": integer(finding.call.step), "module": .string(finding.call.module),
      "call": integer(finding.call.index), "slot": .string(finding.tensor.slot.rawValue),
      "device": .string(finding.tensor.device.name),
    ]
  }

  private static func json(_ finding: HealthFinding) -> JSONValue {
    let members = name(finding).merging(figures(finding.tensor)) { $1 }.merging([
      "kind": .string(finding.kind.rawValue), "cause": .string(finding.cause.rawValue),
      "born": finding.birthplace.map { .string($0.description) } ?? .null,
      "masked_rows": finding.maskedRowCount.map(integer) ?? .null,
      "tensors": integer(finding.tensorCount), "steps": integer(finding.stepCount),
      "given": .array(finding.given.map { .object(figures($0)) }),
    ]) { $1 }
    return .object(members)
  }

  private static func figures(_ tensor: HealthFinding.Figures) -> [String: JSONValue] {
    let (census, shape) = (tensor.census, tensor.shape)
    let details = census.details
    func count(_ value: Int?) -> JSONValue { value.map(integer) ?? .null }
    func real(_ value: Double?) -> JSONValue { value.map(JSONValue.init(real:)) ?? .null }
    func index(_ component: Int?) -> JSONValue {
      guard let component else { return .null }
      let element = component / (tensor.dtype.isComplex ? 2 : 1)
      return .array(
        tensor.dtype.valueShape(of: shape).index(ofElement: element).map(integer))
    }
    return [
      "slot": .string(tensor.slot.rawValue), "device": .string(tensor.device.name),
      "dtype": .string(tensor.dtype.torchName),
      "shape": .array(shape.dimensions.map(integer)),
      "elements": integer(census.elementCount), "nan": integer(census.nanCount),
      "inf": integer(census.infCount), "negative_inf": count(details?.negativeInfCount),
      "zero": count(details?.zeroCount), "subnormal": count(details?.subnormalCount),
      "large": count(details?.largeCount), "largest": count(details?.largestCount),
      "min": real(census.min), "max": real(census.max),
      "first_non_finite_index": index(details?.firstNonFinite),
      "first_large_index": index(details?.firstLarge),
    ]
  }

  private static func json(_ unchecked: RunHealth.Unchecked) -> JSONValue {
    let key = unchecked.key
    return .object([
      "step": integer(key.step), "module": .string(key.module), "call": integer(key.call.index),
      "slot": .string(key.slot.rawValue), "device": .string(key.device.name),
      "cause": .string(unchecked.cause.rawValue), "reason": .string(unchecked.reason),
    ])
  }
}
