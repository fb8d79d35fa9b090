import AssayBase
internal import AssayHDF5
internal import AssayTensors
import Foundation

/// Reads one completed step.
struct HDF5StepInput {
  let input: HDF5RunInput
  let number: Int
  let group: any HDF5GroupInput
  let manifest: RunManifest
  let walk: HDF5Walk

  func read(into sources: inout [TensorKey: HDF5TensorSource]) throws -> StepRecord {
    let (index, places) = try self.index()
    var modules: [(name: String, link: HDF5Link)] = []
    var names: Set<ExactName> = []
    for link in try group.links() where link.name != HDF5Schema.calls {
      try walk.enter(link, of: group)
      let module = DiskName.decode(link.name)
      guard names.insert(ExactName(module)).inserted else {
        throw damaged("\(group.path) holds the module \(module) twice")
      }
      modules.append((module, link))
    }
    names.subtract(index.calls.lazy.map { ExactName($0.module) })
    if let stray = names.min()?.text {
      throw damaged("\(group.path)/\(stray) is a module that \(HDF5Schema.calls) does not list")
    }
    /// What was found of each call of the index.
    var found: [[TensorRecord]] = Array(repeating: [], count: index.calls.count)
    sources.reserveCapacity(sources.count + index.calls.count)
    for (module, link) in modules {
      for (call, tensors) in try read(module: module, link: link, into: &sources) {
        guard let place = places[CallKey(step: number, module: module, index: call)] else {
          throw damaged(
            "\(group.path)/\(link.name) has call \(call), which \(HDF5Schema.calls) does not list")
        }
        found[place] = tensors
      }
    }
    return StepRecord(
      index: number,
      calls: try zip(index.calls, found).map { entry, tensors in
        let call = CallKey(step: number, module: entry.module, index: entry.call)
        var record = CallRecord(
          call: call, descriptions: entry.descriptions,
          tensors: try arranged(tensors, of: call, as: entry),
          inputCoverage: try entry.inputCoverage.map { try coverage($0, of: entry) })
        record.markUnrecorded()
        return record
      },
      completionOrder: index.completionOrder, isOrderRecorded: index.isOrderRecorded ?? true,
      rows: index.rows)
  }

  private func coverage(_ name: String, of entry: HDF5StepIndex.Call) throws -> InputCoverage {
    guard let coverage = InputCoverage(name: name) else {
      throw damaged(
        "\(group.path)/\(HDF5Schema.calls) has the input_coverage \"\(name)\" for "
          + "\(entry.module), which is unknown")
    }
    return coverage
  }

  private func damaged(_ reason: String) -> RunError {
    .damaged(path: input.path, reason: reason)
  }

  /// The step's index, and where in it each call is.
  private func index() throws -> (HDF5StepIndex, [CallKey: Int]) {
    let name = "\(group.path)/\(HDF5Schema.calls)"
    let text = try group.text(of: HDF5Schema.calls)
    let index: HDF5StepIndex
    do {
      index = try HDF5StepIndex(json: JSONValue(decoding: Data(text.utf8)))
    } catch {
      throw damaged("\(name) is not the JSON that was expected: \(error)")
    }
    var places: [CallKey: Int] = [:]
    places.reserveCapacity(index.calls.count)
    for (place, entry) in index.calls.enumerated() {
      places[CallKey(step: number, module: entry.module, index: entry.call)] = place
    }
    guard places.count == index.calls.count else { throw damaged("\(name) lists a call twice") }
    guard index.completionOrder.sorted() == Array(index.calls.indices) else {
      throw damaged("the completion_order of \(name) does not name every call once")
    }
    return (index, places)
  }

  // MARK: A module

  private func read(
    module: String, link: HDF5Link, into sources: inout [TensorKey: HDF5TensorSource]
  ) throws -> [(call: Int, tensors: [TensorRecord])] {
    var calls: [(call: Int, tensors: [TensorRecord])] = []
    let moduleGroup = try group.group(at: link)
    for callLink in try moduleGroup.links() {
      guard let call = HDF5Schema.number(in: callLink.name, after: "call_") else {
        throw damaged("\(moduleGroup.path)/\(callLink.name) is not part of the schema")
      }
      try walk.enter(callLink, of: moduleGroup)
      let callGroup = try moduleGroup.group(at: callLink)
      let callKey = CallKey(step: number, module: module, index: call)
      var tensors: [TensorRecord] = []
      for deviceLink in try callGroup.links() {
        try walk.enter(deviceLink, of: callGroup)
        let deviceGroup = try callGroup.group(at: deviceLink)
        let device = try device(of: deviceGroup, named: deviceLink.name)
        for slotLink in try deviceGroup.links() {
          let key = TensorKey(
            callKey, device: device, slot: Slot(DiskName.decode(slotLink.name)))
          let source = try source(
            of: slotLink, in: deviceGroup, below: [link, callLink, deviceLink], device: device)
          guard sources.updateValue(source, forKey: key) == nil else {
            throw damaged("\(deviceGroup.path) holds \(key) twice")
          }
          var record = TensorRecord(key: key)
          if case .skipped(let note) = source { record.content = .skipped(note) }
          tensors.append(record)
        }
      }
      calls.append((call, tensors))
    }
    return calls
  }

  private func device(of group: any HDF5GroupInput, named name: String) throws -> Device {
    guard let text = try group.text(ofAttribute: HDF5Schema.device) else {
      throw damaged("\(group.path) lacks the attribute \(HDF5Schema.device)")
    }
    let device = Device(text)
    guard device.pathName.isSame(as: DiskName.decode(name)) else {
      throw damaged("\(group.path) says to be the device \(text)")
    }
    return device
  }

  private func source(
    of link: HDF5Link, in group: any HDF5GroupInput, below links: @autoclosure () -> [HDF5Link],
    device: Device
  ) throws -> HDF5TensorSource {
    let found = try walk.dataset(at: link, of: group)
    switch found {
    case .failure(let failure):
      return .damaged(failure.reason)
    case .success(let dataset):
      switch dataset.content {
      case .skipped(let shape, let reason, let digest):
        do {
          return .skipped(
            SkippedTensor(
              dtype: dataset.dtype, shape: shape, device: device, reason: reason,
              digest: try digest.map { try read($0, dtype: dataset.dtype, shape: shape) }))
        } catch {
          return .damaged("\(group.path(of: link.name)): the digest cannot be read: \(error)")
        }
      case .stored(let shape, .library):
        return .library(
          [self.group.name] + (links() + [link]).map(\.name), dataset.dtype, shape)
      case .stored(let shape, .range(let range, let isBigEndian)):
        return .range(range, dataset.dtype, shape, isBigEndian: isBigEndian)
      }
    }
  }

  private func read(_ digest: HDF5Digest, dtype: DType, shape: Shape) throws -> TensorDigest {
    let figures: JSONValue
    do {
      figures = try JSONValue(decoding: Data(digest.figures.utf8))
    } catch {
      throw DigestFailure(description: "\(error)")
    }
    return try TensorDigest(
      figures: figures, projection: digest.projection, sample: digest.sample, dtype: dtype,
      shape: shape)
  }

  // MARK: What should be there

  /// Checks a call's tensors against what was written, and puts them into that order.
  private func arranged(
    _ tensors: [TensorRecord], of call: CallKey, as entry: HDF5StepIndex.Call
  ) throws -> [TensorRecord] {
    var place: String { "\(group.path) \(entry.module) call \(entry.call)" }
    guard let listed = entry.tensors else {
      // Only an unfiltered run has every tensor that it describes.
      let slots = Set(tensors.map(\.key.slot))
      if !isFilteredByDevice,
        let missing = entry.describedSlots.first(where: { !slots.contains(Slot($0)) })
      {
        throw damaged("\(place) describes \(missing), which is missing")
      }
      return tensors.sorted { left, right in
        left.key.slot == right.key.slot
          ? ExactName(left.key.device.name) < ExactName(right.key.device.name)
          : NaturalOrder.precedes(left.key.slot, right.key.slot)
      }
    }
    func key(_ name: HDF5StepIndex.Tensor) -> TensorKey {
      TensorKey(call, device: Device(name.device), slot: Slot(name.slot))
    }
    if listed.count == 1, tensors.count == 1, listed[0].notRecorded == nil,
      tensors[0].key == key(listed[0])
    {
      return tensors  // most calls, and no need of a table
    }
    let found = Dictionary(uniqueKeysWithValues: tensors.map { ($0.key, $0) })
    let written = listed.filter { $0.notRecorded == nil }
    guard written.count == tensors.count, Set(written.map(key)).count == written.count else {
      throw damaged("\(place) lists \(written.count) tensors, but \(tensors.count) are there")
    }
    return try listed.map { name in
      if let reason = name.notRecorded {
        return TensorRecord(key: key(name), content: .notRecorded(reason: reason))
      }
      guard let record = found[key(name)] else {
        throw damaged("\(place) lists \(name.slot) on \(name.device), which is missing")
      }
      return record
    }
  }

  private var isFilteredByDevice: Bool {
    manifest.configuration?.members?["device_names"]?.items?.isEmpty == false
  }
}

extension HDF5StepIndex.Call {
  /// The slots of the tensors that the descriptions show one by one.
  var describedSlots: [String] {
    Slot.Side.allCases.flatMap { side in
      descriptions[side].map { Self.slots(in: $0, at: side.rawValue) } ?? []
    }
  }

  private static func slots(in description: JSONValue, at slot: String) -> [String] {
    guard let members = description.members, members["string_repr"] == nil else { return [] }
    var slots: [String] = []
    switch members["type"]?.text {
    case "tensor":
      slots.append(slot)
    case "tuple", "list":
      let items = members["items"]?.items ?? members["sample"]?.items ?? []
      for (position, item) in items.enumerated() {
        slots += Self.slots(in: item, at: "\(slot)_\(position)")
      }
    case "dict":
      for (key, item) in members["items"]?.members ?? [:] {
        slots += Self.slots(in: item, at: "\(slot)_\(key)")
      }
    default: break
    }
    for (name, item) in members["kwargs"]?.members ?? [:] {
      slots += Self.slots(in: item, at: "\(slot)_\(name)")
    }
    return slots
  }
}
