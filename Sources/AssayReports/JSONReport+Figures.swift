import AssayBase
import AssayComparison
import AssayRuns
import AssayTensors

extension JSONReport {
  /// Every figure of a tensor under its name.
  ///
  /// Figures that do not exist, such as a maximum over no finite pair, are `null`; an index is one
  /// along every axis, that of a row leaves out the last.
  static func figures(of tensor: TensorResult) -> [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    if let estimate = tensor.estimate { members["estimate"] = json(estimate, of: tensor) }
    guard let difference = tensor.difference else { return members }
    members.merge(figures(of: tensor, in: .tensor)) { $1 }
    members.merge(figures(of: tensor, in: .detail).filter { $0.value != .null }) { $1 }
    for side in [Metric.Place.actual, .expected] {
      members[side.rawValue] = .object(figures(of: tensor, in: side))
    }
    if difference.floor != nil { members["floor"] = .object(figures(of: tensor, in: .floor)) }
    if let logits = difference.logits {
      members["logits"] = .object(
        figures(of: tensor, in: .logits).merging(positions(of: logits)) { $1 })
    }
    if let histogram = tensor.detail?.histogram {
      members["histogram"] = .object([
        "zeros": integer(histogram.zeroCount), "first_exponent": integer(histogram.firstExponent),
        "counts": .array(histogram.counts.map(integer)),
      ])
    }
    return members
  }

  private static func figures(
    of tensor: TensorResult, in place: Metric.Place
  ) -> [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    for metric in Metric.all where metric.place == place {
      let reading = metric.reading(of: tensor)
      members[metric.name] = reading.map(json) ?? .null
      switch metric.companion {
      case .index(let name): members[name] = index(reading?.index, tensor.valueShape)
      case .elements:
        members[metric.name + "_index"] = index(reading?.index, tensor.valueShape)
        members[metric.name + "_actual"] = real(reading?.extreme?.actual)
        members[metric.name + "_expected"] = real(reading?.extreme?.expected)
      case nil: break
      }
    }
    return members
  }

  private static func json(_ reading: Metric.Reading) -> JSONValue {
    reading.count.flatMap(Int64.init(exactly:)).map(JSONValue.integer) ?? real(reading.value)
  }

  private static func index(_ index: Metric.Reading.Index?, _ shape: Shape?) -> JSONValue {
    guard let index, let shape else { return .null }
    let position =
      switch index {
      case .element(let offset), .first(let offset): shape.index(ofElement: offset)
      case .row(let row): shape.index(ofRow: row)
      }
    return .array(position.map(integer))
  }

  /// The positions of logits that are worth a look.
  private static func positions(of logits: LogitsDifference) -> [String: JSONValue] {
    func json(_ position: LogitsDifference.Position?) -> JSONValue {
      position.map {
        .object([
          "row": integer($0.row), "expected_token": integer($0.expectedToken),
          "actual_token": integer($0.actualToken), "rank": integer($0.rank),
          "kl": real($0.divergence),
        ])
      } ?? .null
    }
    return [
      "worst": json(logits.worst), "last": json(logits.last),
      "first_other_token": json(logits.firstOtherToken),
    ]
  }

  /// What digests tell, in an object of its own: figures with bounds are objects too.
  private static func json(_ estimate: DigestEstimate, of tensor: TensorResult) -> JSONValue {
    var members: [String: JSONValue] = [
      "equal": .bool(estimate.isEqual), "elements": integer(estimate.elementCount),
      "confidence": real(DigestEstimate.confidence),
      "max_abs_at_least": real(estimate.maxAbsAtLeast),
      "sample": estimate.sample.map {
        .object([
          "elements": integer($0.elementCount), "mismatched": integer($0.mismatchedCount),
          "max_abs": real($0.maxAbs?.value),
        ])
      } ?? .null,
    ]
    for metric in [Metric.relativeL2, .rmse, .cosine] {
      members[metric.name] =
        metric.figure(of: estimate).map {
          .object(["value": real($0.value), "lower": real($0.lower), "upper": real($0.upper)])
        } ?? .null
    }
    for side in [Metric.Place.actual, .expected] {
      members[side.rawValue] = .object(figures(of: tensor, in: side))
    }
    return .object(members)
  }
}
