import AssayBase
import AssayRuns
import AssayTensors

/// What one tensor looks like.
struct TensorProfile {
  var key: TensorKey
  var dimensions: [Int]
  var statistics: TensorStatistics

  private static let limit = 0.02

  var slot: Slot { key.slot }

  /// - Returns: `nil` for a tensor that was not kept.
  init?(_ record: TensorRecord, in run: any RunReader) throws {
    guard record.isStored else { return nil }
    let tensor = try run.tensor(record.key)
    key = record.key
    dimensions = tensor.shape.dimensions
    statistics = TensorStatistics(of: tensor)
  }

  /// The dimensions but for those of 1.
  var extents: [Int] { dimensions.filter { $0 != 1 } }

  /// How far the figures are apart, in deviations; `nil` for tensors that are not alike.
  func distance(to other: TensorProfile) -> Double? {
    guard extents == other.extents else { return nil }
    return Self.distance(statistics, other.statistics)
  }

  static func distance(_ a: TensorStatistics, _ b: TensorStatistics) -> Double? {
    guard a.nanCount == b.nanCount, a.infCount == b.infCount else { return nil }
    let figures = [
      (a.mean, b.mean), (a.standardDeviation, b.standardDeviation), (a.min, b.min), (a.max, b.max),
    ]
    let scale = max(
      a.standardDeviation ?? 0, b.standardDeviation ?? 0, 1e-3 * (a.mean ?? 0).magnitude, 1e-30)
    var distance = 0.0
    for case (let x?, let y?) in figures { distance = max(distance, (x - y).magnitude / scale) }
    return distance < limit ? distance : nil
  }
}

/// What the first call of a module took and gave.
struct ModuleProfile {
  var name: String
  var inputs: [TensorProfile] = []
  var outputs: [TensorProfile] = []

  static func all(
    of step: StepRecord, in run: any RunReader, but known: Set<ExactName>
  ) throws -> [ModuleProfile] {
    var profiles: [ModuleProfile] = []
    for record in step.calls
    where record.call.index == 0 && !known.contains(ExactName(record.call.module)) {
      var profile = ModuleProfile(name: record.call.module)
      for entry in record.tensors {
        guard let found = try TensorProfile(entry, in: run) else { continue }
        if entry.key.slot.rawValue.begins(with: "outputs") { profile.outputs.append(found) }
        if entry.key.slot.rawValue.begins(with: "inputs") { profile.inputs.append(found) }
      }
      profiles.append(profile)
    }
    return profiles
  }

  /// How far two modules are apart; `nil` for modules whose outputs are not alike.
  func distance(to other: ModuleProfile) -> Double? {
    guard let mine = outputs.first, let theirs = other.outputs.first,
      let outputs = mine.distance(to: theirs)
    else { return nil }
    guard let input = inputs.first, let otherInput = other.inputs.first else { return outputs }
    return outputs + (input.distance(to: otherInput) ?? 1)
  }

  /// The modules whose outputs, joined along the last axis, are this one's; `nil` without two or
  /// where several would do.
  func parts(among others: [ModuleProfile], in run: any RunReader) throws -> [ModuleProfile]? {
    guard let whole = outputs.first, let extent = whole.dimensions.last else { return nil }
    let candidates = others.filter {
      guard let output = $0.outputs.first, let part = output.dimensions.last else { return false }
      return part < extent && output.extents.dropLast() == whole.extents.dropLast()
    }
    guard candidates.count > 1 else { return nil }
    let tensor = try run.tensor(whole.key)
    var parts: [ModuleProfile] = []
    var start = 0
    while start < extent {
      let fitting = try candidates.filter { candidate in
        guard let output = candidate.outputs.first, let part = output.dimensions.last,
          start + part <= extent, !parts.contains(where: { $0.name.isSame(as: candidate.name) })
        else { return false }
        let slice = try tensor.part(
          start..<start + part, alongAxis: whole.dimensions.count - 1)
        return TensorProfile.distance(TensorStatistics(of: slice), output.statistics) != nil
      }
      guard let next = fitting.first, fitting.count == 1 else { return nil }
      parts.append(next)
      start += next.outputs.first?.dimensions.last ?? extent
    }
    return parts
  }
}
