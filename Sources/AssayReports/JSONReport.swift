import AssayBase
package import AssayComparison
import AssayRuns
import AssayTensors
package import Foundation

/// Renders a comparison as JSON, schema `assay.comparison/1`.
package enum JSONReport {
  /// Renders a comparison.
  ///
  /// The text is one line of UTF-8 with sorted keys and the same for equal comparisons. Numbers
  /// that JSON cannot hold are the strings `inf`, `-inf` and `nan`.
  package static func render(_ comparison: RunComparison) -> Data {
    var data = json(comparison).encoded()
    data.append(0x0A)
    return data
  }

  private static func json(_ comparison: RunComparison) -> JSONValue {
    var members: [String: JSONValue] = places(comparison)
    members["schema"] = .string("assay.comparison/1")
    members["verdict"] = .string(comparison.isMatch ? "match" : "mismatch")
    members["actual"] = json(comparison.actual)
    members["expected"] = json(comparison.expected)
    members["parameters"] = .object(
      NameMap(
        comparison.parameters.compactMap { parameter in
          parameter.json.map { (parameter.name, $0) }
        }))
    members["summary"] = json(comparison.summary)
    members["introduced"] = .array(
      comparison.introduced.map {
        .object([
          "step": integer($0.step), "module": .string($0.module),
          "call": integer($0.index),
        ])
      })
    members["steps"] = .array(comparison.steps.map(json))
    members["failures"] = .array(comparison.failures.map { .string($0.description) })
    members["notes"] = .array(comparison.notes.map(JSONValue.string))
    members["mapping"] = comparison.mapping.map(json) ?? .null
    if let rows = comparison.rows { members["rows"] = json(rows, comparison) }
    if comparison.actual.ranks != nil || comparison.expected.ranks != nil {
      members["ranks"] = .object([
        "actual": comparison.actual.ranks.map(json) ?? .null,
        "expected": comparison.expected.ranks.map(json) ?? .null,
      ])
    }
    return .object(members)
  }

  /// Where the runs part, in several ways.
  private static func places(_ comparison: RunComparison) -> [String: JSONValue] {
    [
      "first_divergence": comparison.firstDivergence.map(json) ?? .null,
      "other_inputs": comparison.otherInputs.map(json) ?? .null,
      "first_difference": comparison.firstDifference.map(json) ?? .null,
      "first_non_finite": comparison.firstNonFinite.map(json) ?? .null,
      "first_other_token_step": comparison.firstOtherToken.map { integer($0.step) } ?? .null,
    ]
  }

  private static func json(_ side: ComparedRun) -> JSONValue {
    .object(["path": .string(side.path), "run": .string(side.manifest.id)])
  }

  private static func json(_ summary: ComparisonSummary) -> JSONValue {
    func counts(_ counts: ComparisonSummary.Counts) -> JSONValue {
      .object([
        "total": integer(counts.total), "matched": integer(counts.matched),
        "mismatched": integer(counts.mismatched), "missing": integer(counts.missing),
      ])
    }
    let tensors = summary.tensors
    var byVerdict: [String: JSONValue] = [
      "total": integer(tensors.total), "compared": integer(tensors.compared),
      "estimated": integer(tensors.estimated),
      "matched": integer(tensors.matched), "mismatched": integer(tensors.mismatched),
      "missing_in_actual": integer(tensors.missingInActual),
      "missing_in_expected": integer(tensors.missingInExpected),
      "unreadable": integer(tensors.unreadable),
      "not_recorded": integer(tensors.notRecorded), "skipped": integer(tensors.skipped),
    ]
    // Only groups of ranks have these, and only rows can lack it.
    if tensors.misplaced > 0 { byVerdict["placement"] = integer(tensors.misplaced) }
    if tensors.differingReplicas > 0 { byVerdict["replicas"] = integer(tensors.differingReplicas) }
    if tensors.notComputed > 0 { byVerdict["not_computed"] = integer(tensors.notComputed) }
    return .object([
      "steps": counts(summary.steps),
      "modules": counts(summary.modules),
      "tensors": .object(byVerdict),
      "elements": .object([
        "compared": integer(summary.elements.compared),
        "mismatched": integer(summary.elements.mismatched),
      ]),
    ])
  }

  private static func json(_ ranks: RankSummary) -> JSONValue {
    .object([
      "count": integer(ranks.count),
      "mesh": .array(ranks.mesh.map { .object([$0.name: integer($0.size)]) }),
      "placements": .string(ranks.source), "replicas_within": .string(ranks.bound),
      "replicated": integer(ranks.replicated), "sharded": integer(ranks.sharded),
      "partial": integer(ranks.partial), "staged": integer(ranks.staged),
      "undeclared": integer(ranks.undeclared),
    ])
  }

  private static func json(_ rows: RowSummary, _ comparison: RunComparison) -> JSONValue {
    func json(_ rows: DifferingRows?) -> JSONValue {
      guard let rows else { return .null }
      return .object([
        "step": integer(rows.call.step), "module": .string(rows.call.module),
        "call": integer(rows.call.index), "slot": .string(rows.slot.rawValue),
        "request": integer(rows.row.request), "position": integer(rows.row.position),
        "rows_differing": integer(rows.differing), "rows": integer(rows.count),
      ])
    }
    return .object([
      "compared": integer(rows.compared),
      "not_computed_in_actual": integer(rows.notComputedInActual),
      "not_computed_in_expected": integer(rows.notComputedInExpected),
      "again_in_actual": integer(rows.againInActual),
      "again_in_expected": integer(rows.againInExpected),
      "padding_in_actual": integer(rows.paddingInActual),
      "padding_in_expected": integer(rows.paddingInExpected),
      "steps_of": .string(rows.areStepsExpected ? "expected" : "actual"),
      "first_differing": json(comparison.firstDifferingRows),
      "first_failing": json(comparison.firstFailingRows),
    ])
  }

  private static func json(_ divergence: Divergence) -> JSONValue {
    .object([
      "step": integer(divergence.call.step), "module": .string(divergence.call.module),
      "call": integer(divergence.call.index),
      "slot": .string(divergence.tensor.slot.rawValue),
      "device": .string(divergence.tensor.device.name),
      "cause": .string(divergence.origin.cause.rawValue),
      "growth": real(divergence.origin.growth),
      "born": divergence.origin.birthplace.map { .string($0.description) } ?? .null,
      "born_in": (divergence.birthCall ?? divergence.origin.birthplace?.inside).map(json) ?? .null,
    ])
  }

  private static func json(_ call: CallKey) -> JSONValue {
    .object(["module": .string(call.module), "call": integer(call.index)])
  }

  private static func json(_ inputs: OtherInputs) -> JSONValue {
    .object([
      "step": integer(inputs.call.step), "module": .string(inputs.call.module),
      "call": integer(inputs.call.index),
      "slots": .array(inputs.tensors.map { .string($0.slot.rawValue) }),
    ])
  }

  private static func json(_ step: StepResult) -> JSONValue {
    .object([
      "step": integer(step.index), "verdict": .string(step.verdict.rawValue),
      "modules": .array(step.modules.map(json)),
    ])
  }

  private static func json(_ module: ModuleResult) -> JSONValue {
    let origin = module.origin
    return .object([
      "module": .string(module.call.module), "call": integer(module.call.index),
      "verdict": .string(module.verdict.rawValue),
      "cause": origin.map { .string($0.cause.rawValue) } ?? .null,
      "growth": real(origin?.growth),
      "input_error": real(module.inputError), "output_error": real(module.outputError),
      "introduced_error": real(origin?.introducedError),
      "born": origin?.birthplace.map { .string($0.description) } ?? .null,
      "earlier_step": origin?.earlierStep.map(integer) ?? .null,
      "tensors": .array(module.tensors.map(json)),
    ])
  }

  private static func json(_ tensor: TensorResult) -> JSONValue {
    var members = figures(of: tensor)
    members["slot"] = .string(tensor.slot.rawValue)
    members["device"] = .string(tensor.device.name)
    members["verdict"] = .string(tensor.verdict.rawValue)
    members["reason"] = tensor.reason.map(JSONValue.string) ?? .null
    members["dtype"] = tensor.dtype.map { .string($0.torchName) } ?? .null
    members["rule"] = tensor.rule.map(integer) ?? .null
    members["shape"] = tensor.shape.map { .array($0.dimensions.map(integer)) } ?? .null
    members["pairing"] = tensor.pairing.map(json) ?? .null
    return .object(members)
  }

  private static func json(_ origin: PairOrigin) -> JSONValue {
    func side(_ side: PairOrigin.Side) -> JSONValue {
      var members: [String: JSONValue] = [
        "module": .string(side.module), "slot": .string(side.slot.rawValue),
        "operations": .array(side.operations.map(JSONValue.string)),
      ]
      if origin.crossesCalls { members["call"] = integer(side.call) }
      return .object(members)
    }
    return .object([
      "rule": origin.rule.map(integer) ?? .null, "actual": side(origin.actual),
      "expected": side(origin.expected),
    ])
  }

  private static func json(_ mapping: MappingSummary) -> JSONValue {
    .object([
      "source": mapping.source.map(JSONValue.string) ?? .null,
      "exact": integer(mapping.exactCount),
      "rules": .array(
        mapping.rules.map {
          .object([
            "text": .string($0.text), "line": $0.line.map(integer) ?? .null,
            "tensors": integer($0.count),
          ])
        }),
      "dropped": .array(
        mapping.dropped.map {
          .object([
            "run": .string($0.isActual ? "actual" : "expected"), "rule": integer($0.rule),
            "step": integer($0.key.step), "module": .string($0.key.module),
            "call": integer($0.key.call.index), "slot": .string($0.key.slot.rawValue),
            "device": .string($0.key.device.name),
          ])
        }),
    ])
  }

  static func integer(_ value: Int) -> JSONValue { .integer(Int64(value)) }

  static func real(_ value: Double?) -> JSONValue {
    value.map(JSONValue.init(real:)) ?? .null
  }
}
