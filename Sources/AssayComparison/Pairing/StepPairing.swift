import AssayRuns
import AssayTensors

/// Pairs the names of one step of two runs, equal ones first and then by rules, and gives both of a
/// pair one name.
struct StepPairing {
  /// A tensor's name within its step, wherever it lived.
  struct Name: Hashable {
    var call: CallKey
    var slot: Slot
    /// Where it lived, as the expected run calls it, if some rule names that device.
    var device: Device?
  }

  /// The inputs or outputs of a call.
  struct CallSide: Hashable {
    var call: CallKey
    var side: Slot.Side
  }

  /// Whether several pairs may have one tensor.
  fileprivate enum Sharing {
    case none
    /// Each may have another part of it.
    case parts
    case whole
  }

  /// A pair that a rule would make.
  fileprivate struct Candidate {
    var rule: Int?
    var pair: BothSides<Name>
    var transforms: BothSides<[TensorTransform]>
    var sharing = BothSides<Sharing>(actual: .none, expected: .none)
    /// The side of which a part is taken, or to whose tensor terms are added.
    var combinedSide: RunSide?
    var part: Part?
    var terms: [Name] = []

    /// All tensors of a side that it takes.
    func names(_ side: RunSide) -> [Name] {
      side == combinedSide ? [pair[side]] + terms : [pair[side]]
    }
  }

  /// Under which name a tensor is compared.
  private struct Target {
    var common: Name
    var transforms: [TensorTransform]
    var part: Part?
    var terms: [Name]
    var origin: PairOrigin
  }

  /// Which part of a tensor is compared, told by the tensors of the other run.
  fileprivate struct Part {
    var axis: Int
    var index: Int
    var siblings: [Name]
    var transforms: [TensorTransform]
  }

  /// A rule's claim to a tensor.
  private struct Claim {
    var rule: Int?
    var sharing: Sharing
    /// The tensor of the other run that it is paired with.
    var partner: Name
  }

  /// A slot that an actual and an expected call have in common.
  private struct SlotPair: Hashable {
    var actual: Slot
    var expected: Slot
    var device: Device?
  }

  private let mapping: Mapping
  private let records: BothSides<StepRecord>
  private let tensors: BothSides<[Name: [TensorRecord]]>
  private let names: BothSides<[CallKey: [Name]]>
  private let calls: BothSides<Set<CallKey>>
  private let runs: BothSides<any RunReader>
  private let devices: DeviceMap
  /// The devices that rules name.
  private let namedDevices: Set<Device>
  /// What rules left out.
  private let dropped: BothSides<Set<CallSide>>
  private var claims = BothSides<[Name: Claim]>(actual: [:], expected: [:])
  private var targets = BothSides<[Name: [Target]]>(actual: [:], expected: [:])
  /// For each tensor that is added to another one, that other one.
  private var sums = BothSides<[Name: Name]>(actual: [:], expected: [:])
  /// Pairs of rules that slice a tensor which is too short for it.
  private var misfits: [Candidate] = []
  /// What calls without any tensor are called in the other run.
  private var emptyCalls: [CallKey: [CallKey]] = [:]
  /// Tensors for which a rule names a counterpart that has another one.
  private var rivals = BothSides<[Name: (wanted: Name, rule: Int)]>(actual: [:], expected: [:])
  /// How many pairs each rule made.
  private(set) var counts: [Int: Int] = [:]
  private(set) var exactCount = 0
  /// The names that pairs have in common.
  private var commonNames: Set<Name> = []

  /// - Parameter dropped: Where drop rules left tensors out, in the runs' own names.
  init(
    _ mapping: Mapping, actual: StepRecord, expected: StepRecord,
    runs: BothSides<any RunReader>, devices: DeviceMap, dropped: BothSides<Set<CallSide>>
  ) {
    self.mapping = mapping
    self.runs = runs
    self.devices = devices
    self.dropped = dropped
    let namedDevices = Set(mapping.rules.compactMap(\.scope.device))
    self.namedDevices = namedDevices
    records = BothSides(actual: actual, expected: expected)
    let named = BothSides(
      actual: actual.named(.actual, devices, namedDevices),
      expected: expected.named(.expected, devices, namedDevices))
    tensors = BothSides(
      actual: Dictionary(grouping: named.actual) { $0.name }.mapValues { $0.map(\.record) },
      expected: Dictionary(grouping: named.expected) { $0.name }.mapValues { $0.map(\.record) })
    names = BothSides(
      actual: Dictionary(grouping: named.actual.map(\.name).uniqued(), by: \.call),
      expected: Dictionary(grouping: named.expected.map(\.name).uniqued(), by: \.call))
    calls = BothSides(
      actual: Set(actual.calls.map(\.call)), expected: Set(expected.calls.map(\.call)))
  }

  /// Makes all pairs.
  mutating func pair() {
    let rules = mapping.rules.enumerated().compactMap { position, rule in
      rule.pair.flatMap { rule.scope.covers(step: records.actual.index) ? (position, $0) : nil }
    }
    for (position, rule) in rules where rule.precedesNames { pair(rule, position) }
    pairByName(rules.filter { $0.1.combination == nil })
    for (position, rule) in rules where !rule.precedesNames { pair(rule, position) }
    // What nothing else pairs is shown with the slice that does not fit.
    for candidate in misfits where canPair(candidate) { add(candidate) }
  }

  /// Tensors left alone although a rule names a counterpart for them, which has another one.
  var collisions: [ComparisonFailure] {
    RunSide.allCases.flatMap { side in
      records[side].calls.flatMap { names[side][$0.call] ?? [] }.compactMap { name in
        guard claims[side][name] == nil, let rival = rivals[side][name] else { return nil }
        let claim = claims[side.other][rival.wanted]
        return .mappedTwice(
          rule: rival.rule, tensor: key(name, side), onto: key(rival.wanted, side.other),
          beside: claim.map { key($0.partner, side) }, by: claim?.rule, isActual: side == .actual)
      }
    }
  }

  // MARK: - Pairs

  private mutating func pairByName(_ rules: [(Int, MappingRule.Pair)]) {
    for call in records.actual.calls {
      for name in names.actual[call.call] ?? []
      where tensors.expected[name] != nil
        && RunSide.allCases.allSatisfy({ isFree(name, $0, .none) })
      {
        let pair = BothSides(actual: name, expected: name)
        let candidates = rules.filter { position, rule in
          isInScope(name.device, position) && rule.keepsName(of: name)
        }.map { Candidate(rule: $0, pair: pair, of: $1) }
        add(
          candidates.first { fits($0) } ?? candidates.first
            ?? Candidate(pair: pair, transforms: mapping.transforms))
      }
    }
  }

  private mutating func pair(_ rule: MappingRule.Pair, _ position: Int) {
    let side = rule.patternSide
    for record in records[side].calls {
      guard let others = rule.others(of: record.call),
        others.allSatisfy(calls[side.other].contains)
      else { continue }
      noteEmpty(record, side, as: others)
      var calls = BothSides(actual: [record.call], expected: [record.call])
      calls[side.other] = others
      switch rule.combination {
      case nil: pairSlots(of: calls, rule, position)
      case .concatenation(let axis): pairParts(of: calls, rule, position, axis)
      case .sum(let side, let terms, let total):
        pairSum(of: calls, rule, position, terms, on: side, total)
      }
    }
  }

  private mutating func pairSlots(
    of calls: BothSides<[CallKey]>, _ rule: MappingRule.Pair, _ position: Int
  ) {
    for slots in slots(of: calls.actual, rule, position) {
      let pair = BothSides(
        actual: Name(call: calls.actual[0], slot: slots.actual, device: slots.device),
        expected: Name(call: calls.expected[0], slot: slots.expected, device: slots.device))
      let candidate = Candidate(rule: position, pair: pair, of: rule)
      guard canPair(candidate) else { continue }
      if fits(candidate) { add(candidate) } else { misfits.append(candidate) }
    }
  }

  private mutating func pairParts(
    of calls: BothSides<[CallKey]>, _ rule: MappingRule.Pair, _ position: Int, _ axis: Int
  ) {
    let side = rule.patternSide
    for slots in slots(of: calls.actual, rule, position) {
      let own = BothSides(actual: slots.actual, expected: slots.expected)
      let whole = Name(call: calls[side][0], slot: own[side], device: slots.device)
      let siblings = calls[side.other].map {
        Name(call: $0, slot: own[side.other], device: slots.device)
      }
      let isJoined = rule.joins(slots.actual)
      let candidates = siblings.enumerated().map { index, sibling in
        var pair = BothSides(actual: whole, expected: whole)
        pair[side.other] = sibling
        var candidate = Candidate(rule: position, pair: pair, of: rule)
        if candidate.sharing[side] == .none { candidate.sharing[side] = .parts }
        candidate.combinedSide = side
        if isJoined {
          candidate.part = Part(
            axis: axis, index: index, siblings: siblings, transforms: rule.transforms[side.other])
        }
        return candidate
      }
      let free = candidates.filter { canPair($0) }
      // Of what is joined every part must be there; an input may be recorded of some parts only.
      if isJoined, free.count < candidates.count { continue }
      for candidate in free { add(candidate) }
    }
  }

  private mutating func pairSum(
    of calls: BothSides<[CallKey]>, _ rule: MappingRule.Pair, _ position: Int, _ slots: [Slot],
    on side: RunSide, _ total: Slot
  ) {
    let found = (names[side][calls[side][0]] ?? []).filter { $0.slot == slots[0] }
    for device in found.map(\.device) where isInScope(device, position) {
      let terms = calls[side].flatMap { call in
        slots.map { Name(call: call, slot: $0, device: device) }
      }
      var pair = BothSides(actual: terms[0], expected: terms[0])
      pair[side.other] = Name(call: calls[side.other][0], slot: total, device: device)
      var candidate = Candidate(rule: position, pair: pair, of: rule)
      candidate.combinedSide = side
      candidate.terms = Array(terms.dropFirst())
      guard canPair(candidate) else { continue }
      if fits(candidate) { add(candidate) } else { misfits.append(candidate) }
    }
  }

  /// The slots of actual calls that a rule is for, each once.
  private func slots(
    of calls: [CallKey], _ rule: MappingRule.Pair, _ position: Int
  ) -> [SlotPair] {
    var seen = Set<SlotPair>()
    return calls.flatMap { names.actual[$0] ?? [] }.compactMap { name in
      guard isInScope(name.device, position), let expected = rule.expectedSlot(of: name.slot)
      else { return nil }
      let pair = SlotPair(actual: name.slot, expected: expected, device: name.device)
      return seen.insert(pair).inserted ? pair : nil
    }
  }

  private func isInScope(_ device: Device?, _ rule: Int) -> Bool {
    mapping.rules[rule].scope.device.map { $0 == device } ?? true
  }

  /// Whether all tensors of a pair are there and free.
  private mutating func canPair(_ candidate: Candidate) -> Bool {
    guard
      RunSide.allCases.allSatisfy({ side in
        candidate.names(side).allSatisfy { tensors[side][$0] != nil }
      })
    else { return false }
    func areFree(_ side: RunSide) -> Bool {
      candidate.names(side).allSatisfy { isFree($0, side, candidate.sharing[side]) }
    }
    let free = BothSides(actual: areFree(.actual), expected: areFree(.expected))
    for side in RunSide.allCases where !free[side.other] {
      let name = candidate.pair[side]
      if let rule = candidate.rule, rivals[side][name] == nil {
        rivals[side][name] = (candidate.pair[side.other], rule)
      }
    }
    return free.actual && free.expected
  }

  private func isFree(_ name: Name, _ side: RunSide, _ sharing: Sharing) -> Bool {
    guard let claim = claims[side][name] else { return true }
    return claim.sharing == .whole || sharing == .whole
      || claim.sharing == .parts && sharing == .parts
  }

  /// Whether the tensors are long enough for the slices of a rule; only then are they looked at.
  private func fits(_ candidate: Candidate) -> Bool {
    RunSide.allCases.allSatisfy { side in
      let transforms = candidate.transforms[side]
      guard transforms.slices else { return true }
      return candidate.names(side).allSatisfy { name in
        (tensors[side][name] ?? []).allSatisfy { record in
          guard record.isStored, let tensor = try? runs[side].tensor(record.key) else {
            return true
          }
          return transforms.fit(tensor)
        }
      }
    }
  }

  private mutating func add(_ candidate: Candidate) {
    let pair = candidate.pair
    let common = free(candidate.sharing.expected == .parts ? pair.actual : pair.expected)
    let origin = PairOrigin(
      rule: candidate.rule, actual: candidate.origin(.actual), expected: candidate.origin(.expected)
    )
    for side in RunSide.allCases {
      for name in candidate.names(side) where claims[side][name] == nil {
        claims[side][name] = Claim(
          rule: candidate.rule, sharing: candidate.sharing[side], partner: pair[side.other])
      }
      let isCombined = side == candidate.combinedSide
      if isCombined { for term in candidate.terms { sums[side][term] = pair[side] } }
      targets[side][pair[side], default: []].append(
        Target(
          common: common, transforms: candidate.transforms[side],
          part: isCombined ? candidate.part : nil, terms: isCombined ? candidate.terms : [],
          origin: origin))
    }
    commonNames.insert(common)
    if let rule = candidate.rule { counts[rule, default: 0] += 1 } else { exactCount += 1 }
  }

  /// The name, or where another pair has it already, the name with a number.
  private func free(_ name: Name) -> Name {
    var (free, number) = (name, 2)
    while commonNames.contains(free) {
      free.slot = Slot("\(name.slot.rawValue)#\(number)")
      number += 1
    }
    return free
  }

  /// Notes what an actual call without any tensor is called in the expected run.
  private mutating func noteEmpty(
    _ record: CallRecord, _ side: RunSide, as others: [CallKey]
  ) {
    guard side == .actual, record.tensors.isEmpty, !calls.expected.contains(record.call),
      emptyCalls[record.call] == nil
    else { return }
    emptyCalls[record.call] = others
  }

  private func name(of record: TensorRecord, _ side: RunSide) -> Name {
    Name(record.key, side, devices, namedDevices)
  }

  private func key(_ name: Name, _ side: RunSide) -> TensorKey {
    name.key(
      step: records[side].index, on: tensors[side][name]?.first?.key.device ?? .cpu)
  }
}

extension StepPairing.Candidate {
  fileprivate init(rule: Int, pair: BothSides<StepPairing.Name>, of source: MappingRule.Pair) {
    self.init(rule: rule, pair: pair, transforms: source.transforms)
    for side in RunSide.allCases {
      sharing[side] =
        source.isShared[side] ? .whole : source.transforms[side].slices ? .parts : .none
    }
  }

  /// One of the two tensors, as reports show it.
  fileprivate func origin(_ side: RunSide) -> PairOrigin.Side {
    let name = pair[side]
    var operations = transforms[side].map(\.description)
    if side == combinedSide, let part {
      operations.append("part \(part.index + 1) of \(part.siblings.count) along axis \(part.axis)")
    }
    if side == combinedSide, !terms.isEmpty {
      let others = terms.map { term in
        (term.call == name.call ? "" : "\(term.call.module) ") + term.slot.rawValue
      }
      operations.append(
        "plus \(others.joined(separator: ", ")), added in the precision of the comparison")
    }
    return PairOrigin.Side(
      module: name.call.module, call: name.call.index, slot: name.slot, operations: operations)
  }
}

extension StepPairing {
  // MARK: - Steps

  /// One side's step under common names.
  func named(_ side: RunSide) -> CommonStep {
    var calls: [CommonStep.Call] = []
    var positions: [CallKey: Int] = [:]
    var successors: [[Int]] = []
    for record in records[side].calls {
      let parts = split(record, side)
      successors.append(
        parts.map { part in
          if let position = positions[part.call] {
            calls[position].tensors += part.tensors
            calls[position].mappedSides.formUnion(part.mappedSides)
            calls[position].isGathered = true
            return position
          }
          positions[part.call] = calls.count
          calls.append(part)
          calls[calls.count - 1].isGathered = parts.count > 1
          return calls.count - 1
        })
    }
    // A call that several became completes when the last of them does.
    var completion: [Int] = []
    var seen = Set<Int>()
    let old = records[side].completionOrder.filter(successors.indices.contains)
    for position in old.flatMap({ successors[$0] }).reversed()
    where seen.insert(position).inserted {
      completion.append(position)
    }
    return CommonStep(
      index: records[side].index, calls: calls, completionOrder: completion.reversed(),
      isOrderRecorded: records[side].isOrderRecorded)
  }

  /// The calls that one call becomes.
  private func split(_ record: CallRecord, _ side: RunSide) -> [CommonStep.Call] {
    let coverage = record.inputCoverage
    if record.tensors.isEmpty {
      let calls = side == .actual ? emptyCalls[record.call] ?? [record.call] : [record.call]
      return calls.map {
        CommonStep.Call(call: $0, descriptions: record.descriptions, inputCoverage: coverage)
      }
    }
    var calls: [CommonStep.Call] = []
    func add(_ tensor: CommonStep.NamedTensor, isMapped: Bool = false) {
      let call = tensor.key.call
      let position = calls.firstIndex { $0.call == call } ?? calls.count
      if position == calls.count {
        calls.append(CommonStep.Call(call: call, inputCoverage: coverage))
      }
      calls[position].tensors.append(tensor)
      if isMapped, let side = tensor.key.slot.side { calls[position].mappedSides.insert(side) }
    }
    let tensors = record.tensors.map { (record: $0, name: name(of: $0, side)) }
    let home = tensors.lazy.compactMap { targets[side][$0.name]?.first?.common.call }.first
    for (tensor, name) in tensors {
      let device = side == .actual ? devices.expected(of: tensor.key.device) : tensor.key.device
      let targets = targets[side][name] ?? []
      if targets.isEmpty, !isAdded(tensor, name, side) {
        let name = lone(name, home)
        add(
          CommonStep.NamedTensor(
            key: name.key(step: records[side].index, on: device),
            source: TensorSource(record: tensor), isBesidePair: commonNames.contains(name)))
      }
      for target in targets {
        add(
          CommonStep.NamedTensor(
            key: target.common.key(step: records[side].index, on: device),
            source: source(tensor, target, side), origin: target.origin),
          isMapped: target.origin.isMoved || !target.terms.isEmpty)
      }
    }
    for position in calls.indices {
      calls[position].mappedSides.formUnion(
        Slot.Side.allCases.filter {
          dropped[side].contains(CallSide(call: record.call, side: $0))
        })
    }
    if calls.count == 1 { calls[0].descriptions = record.descriptions }
    return calls
  }

  /// Whether a tensor is compared as part of a sum.
  private func isAdded(_ tensor: TensorRecord, _ name: Name, _ side: RunSide) -> Bool {
    guard let sum = sums[side][name] else { return false }
    return tensors[side][sum]?.contains { $0.key.device == tensor.key.device } ?? false
  }

  /// An unpaired tensor's name in its call's new one, unless this name is another tensor's.
  private func lone(_ name: Name, _ home: CallKey?) -> Name {
    guard let home, home != name.call else { return name }
    let moved = Name(call: home, slot: name.slot)
    let isTaken =
      tensors.actual[moved] != nil || tensors.expected[moved] != nil || commonNames.contains(moved)
    return isTaken ? name : moved
  }

  private func source(
    _ tensor: TensorRecord, _ target: Target, _ side: RunSide
  ) -> TensorSource {
    var source = TensorSource(record: tensor, transforms: target.transforms)
    if let part = target.part {
      source.part = TensorSource.Part(
        axis: part.axis, index: part.index,
        siblings: part.siblings.map { sibling in
          TensorSource(
            record: counterpart(sibling, of: tensor.key.device, side), transforms: part.transforms)
        }, run: runs[side.other])
    }
    source.terms = target.terms.map { term in
      let key = term.key(step: records[side].index, on: tensor.key.device)
      return TensorSource(record: TensorRecord(key: key), transforms: target.transforms)
    }
    if var note = tensor.skipped, note.digest != nil {
      // An axis of 1 is nothing to the elements.
      if source.part == nil, source.terms.isEmpty,
        let shape = source.transforms.squeezed(note.shape)
      {
        note.shape = shape
      } else {
        note.digest = nil
        note.reason += ", which the mapping cannot transform"
      }
      source.record.content = .skipped(note)
    }
    return source
  }

  /// The other run's tensor of a name on the device that pairs with one of this run.
  private func counterpart(_ name: Name, of device: Device, _ side: RunSide) -> TensorRecord {
    let found = tensors[side.other][name] ?? []
    let match = found.first { record in
      side == .actual
        ? record.key.device == devices.expected(of: device)
        : devices.expected(of: record.key.device) == device
    }
    return match ?? found.first
      ?? TensorRecord(key: name.key(step: records[side].index, on: device))
  }
}

extension StepPairing.Name {
  func key(step: Int, on device: Device) -> TensorKey {
    TensorKey(call, device: device, slot: slot)
  }
}

extension StepRecord {
  /// The tensors with their names.
  fileprivate func named(
    _ side: RunSide, _ devices: DeviceMap, _ namedDevices: Set<Device>
  ) -> [(name: StepPairing.Name, record: TensorRecord)] {
    calls.flatMap(\.tensors).map {
      (StepPairing.Name($0.key, side, devices, namedDevices), $0)
    }
  }
}

extension StepPairing.Name {
  fileprivate init(
    _ key: TensorKey, _ side: RunSide, _ devices: DeviceMap, _ namedDevices: Set<Device>
  ) {
    let device = side == .actual ? devices.expected(of: key.device) : key.device
    self.init(
      call: key.call, slot: key.slot, device: namedDevices.contains(device) ? device : nil)
  }
}

extension MappingRule.Pair {
  /// Whether it pairs a tensor with the one of the same name.
  fileprivate func keepsName(of name: StepPairing.Name) -> Bool {
    others(of: name.call) == [name.call] && expectedSlot(of: name.slot) == name.slot
  }
}

extension PairOrigin {
  /// Whether more than a module's name differs, so that what else the calls took or gave does too.
  fileprivate var isMoved: Bool {
    rule != nil && (actual.slot != expected.slot || crossesCalls)
  }
}

extension [StepPairing.Name] {
  /// Each once.
  fileprivate func uniqued() -> [StepPairing.Name] {
    var seen = Set<StepPairing.Name>()
    return filter { seen.insert($0).inserted }
  }
}
