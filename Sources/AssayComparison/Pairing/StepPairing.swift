import AssayRuns
import AssayTensors

/// Pairs the names of one step of two runs, equal ones first and then by rules, and gives both of a
/// pair one name.
struct StepPairing {
  /// A tensor's name within its step, wherever it lived.
  struct Name: Hashable {
    var call: CallKey
    var slot: Slot
  }

  /// Under which name a tensor is compared.
  private struct Target {
    var common: Name
    var transforms: [TensorTransform]
    var part: Part?
    var origin: PairOrigin
  }

  /// Which part of a tensor is compared, told by the tensors of the other run.
  private struct Part {
    var axis: Int
    var index: Int
    var siblings: [Name]
    var transforms: [TensorTransform]
  }

  /// A rule's claim to a tensor.
  private struct Claim {
    var rule: Int?
    /// Whether other pairs may take other parts of the tensor.
    var isShared: Bool
    /// The tensor of the other run that it is paired with.
    var partner: Name
  }

  private let rules: [MappingRule]
  private let records: BothSides<StepRecord>
  private let tensors: BothSides<[Name: [TensorRecord]]>
  private let calls: BothSides<Set<CallKey>>
  private let runs: BothSides<any RunReader>
  private let devices: DeviceMap
  private var claims = BothSides<[Name: Claim]>(actual: [:], expected: [:])
  private var targets = BothSides<[Name: [Target]]>(actual: [:], expected: [:])
  /// What calls without any tensor are called in the other run.
  private var emptyCalls: [CallKey: [CallKey]] = [:]
  /// Tensors for which a rule names a counterpart that has another one.
  private var rivals = BothSides<[Name: (wanted: Name, rule: Int)]>(actual: [:], expected: [:])
  /// How many pairs each rule made.
  private(set) var counts: [Int: Int] = [:]
  private(set) var exactCount = 0
  /// The names that pairs have in common.
  private var commonNames: Set<Name> = []

  init(
    _ rules: [MappingRule], actual: StepRecord, expected: StepRecord,
    runs: BothSides<any RunReader>, devices: DeviceMap
  ) {
    self.rules = rules
    self.runs = runs
    self.devices = devices
    records = BothSides(actual: actual, expected: expected)
    tensors = BothSides(actual: actual.tensorsByName, expected: expected.tensorsByName)
    calls = BothSides(
      actual: Set(actual.calls.map(\.call)), expected: Set(expected.calls.map(\.call)))
  }

  /// Makes all pairs.
  mutating func pair() {
    pairByName()
    for (position, rule) in rules.enumerated() {
      switch rule.action {
      case .rename(let rename): pair(rename, position)
      case .split(let split): pair(split, position)
      case .drop: break
      }
    }
  }

  /// Tensors left alone although a rule names a counterpart for them, which has another one.
  var collisions: [ComparisonFailure] {
    RunSide.allCases.flatMap { side in
      records[side].calls.flatMap { names(in: $0) }.compactMap { name in
        guard claims[side][name] == nil, let rival = rivals[side][name] else { return nil }
        return .mappedTwice(
          rule: rival.rule, tensor: key(name, side), onto: key(rival.wanted, side.other),
          beside: claims[side.other][rival.wanted].map { key($0.partner, side) })
      }
    }
  }

  // MARK: - Pairs

  private mutating func pairByName() {
    for call in records.actual.calls {
      for name in names(in: call) where tensors.expected[name] != nil && claims.actual[name] == nil
      {
        let rule = rules.firstIndex { rule in
          guard case .rename(let rename) = rule.action else { return false }
          return rename.keepsName(of: name)
        }
        guard let rule, case .rename(let rename) = rules[rule].action else {
          add(
            BothSides(actual: name, expected: name), common: name, rule: nil,
            BothSides(actual: [], expected: []))
          continue
        }
        add(
          BothSides(actual: name, expected: name), common: name, rule: rule,
          rename.reach.transforms)
      }
    }
  }

  private mutating func pair(_ rename: MappingRule.Rename, _ rule: Int) {
    let (side, reach) = (rename.patternSide, rename.reach)
    for record in records[side].calls {
      guard let groups = rename.pattern.groups(in: record.call.module) else { continue }
      let call = CallKey(
        step: record.call.step, module: rename.template.name(groups), index: record.call.index)
      guard calls[side.other].contains(call) else { continue }
      noteEmpty(record, side, as: [call])
      for name in names(in: record) {
        guard let slot = reach.counterpart(of: name.slot, on: side) else { continue }
        var pair = BothSides(actual: name, expected: name)
        pair[side.other] = Name(call: call, slot: slot)
        let slices = BothSides(actual: reach.slices(.actual), expected: reach.slices(.expected))
        guard canPair(pair, rule, slices) else { continue }
        add(
          pair, common: slices.expected ? pair.actual : pair.expected, rule: rule,
          reach.transforms, shared: slices)
      }
    }
  }

  private mutating func pair(_ split: MappingRule.Split, _ rule: Int) {
    let (side, reach) = (split.wholeSide, split.reach)
    for record in records[side].calls {
      guard let groups = split.pattern.groups(in: record.call.module) else { continue }
      let parts = split.parts.map {
        CallKey(
          step: record.call.step, module: $0.name(groups), index: record.call.index)
      }
      guard parts.allSatisfy(calls[side.other].contains) else { continue }
      noteEmpty(record, side, as: parts)
      for name in names(in: record) {
        guard let slot = reach.counterpart(of: name.slot, on: side) else { continue }
        let siblings = parts.map { Name(call: $0, slot: slot) }
        let isJoined = reach.slots != nil || name.slot.side == .outputs
        let pairs = siblings.map { sibling in
          var pair = BothSides(actual: name, expected: name)
          pair[side.other] = sibling
          return pair
        }
        var shared = BothSides(actual: false, expected: false)
        shared[side] = true
        let isFree = pairs.map { canPair($0, rule, shared) }
        // Of what is joined every part must be there; an input may be recorded of some parts only.
        if isJoined, isFree.contains(false) { continue }
        for (index, pair) in pairs.enumerated() where isFree[index] {
          let part =
            isJoined
            ? Part(
              axis: split.axis, index: index, siblings: siblings,
              transforms: reach.transforms[side.other]) : nil
          add(
            pair, common: pair[side.other], rule: rule, reach.transforms, shared: shared,
            part: part, of: side)
        }
      }
    }
  }

  /// Whether both tensors of a pair are there and free.
  private mutating func canPair(
    _ pair: BothSides<Name>, _ rule: Int, _ slices: BothSides<Bool>
  ) -> Bool {
    guard RunSide.allCases.allSatisfy({ tensors[$0][pair[$0]] != nil }) else { return false }
    let isFree = BothSides(
      actual: isFree(pair.actual, .actual, slices.actual),
      expected: isFree(pair.expected, .expected, slices.expected))
    for side in RunSide.allCases
    where !isFree[side.other] && rivals[side][pair[side]] == nil {
      rivals[side][pair[side]] = (pair[side.other], rule)
    }
    return isFree.actual && isFree.expected
  }

  private func isFree(_ name: Name, _ side: RunSide, _ slices: Bool) -> Bool {
    claims[side][name].map { $0.isShared && slices } ?? true
  }

  private mutating func add(
    _ pair: BothSides<Name>, common: Name, rule: Int?,
    _ transforms: BothSides<[TensorTransform]>,
    shared: BothSides<Bool> = BothSides(actual: false, expected: false), part: Part? = nil,
    of partSide: RunSide? = nil
  ) {
    func side(_ side: RunSide) -> PairOrigin.Side {
      var operations = transforms[side].map(\.description)
      if side == partSide, let part {
        operations.append(
          "part \(part.index + 1) of \(part.siblings.count) along axis \(part.axis)")
      }
      return PairOrigin.Side(
        module: pair[side].call.module, slot: pair[side].slot, operations: operations)
    }
    let origin = PairOrigin(rule: rule, actual: side(.actual), expected: side(.expected))
    for side in RunSide.allCases {
      claims[side][pair[side]] = Claim(
        rule: rule, isShared: shared[side], partner: pair[side.other])
      targets[side][pair[side], default: []].append(
        Target(
          common: common, transforms: transforms[side], part: side == partSide ? part : nil,
          origin: origin))
    }
    commonNames.insert(common)
    if let rule { counts[rule, default: 0] += 1 } else { exactCount += 1 }
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

  private func names(in record: CallRecord) -> [Name] {
    var seen = Set<Name>()
    return record.tensors.map(\.name).filter { seen.insert($0).inserted }
  }

  private func key(_ name: Name, _ side: RunSide) -> TensorKey {
    name.key(
      step: records[side].index, on: tensors[side][name]?.first?.key.device ?? .cpu)
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
      successors.append(
        split(record, side).map { part in
          if let position = positions[part.call] {
            calls[position].tensors += part.tensors
            return position
          }
          positions[part.call] = calls.count
          calls.append(part)
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
    func add(_ tensor: CommonStep.NamedTensor) {
      let call = tensor.key.call
      if let position = calls.firstIndex(where: { $0.call == call }) {
        calls[position].tensors.append(tensor)
      } else {
        calls.append(CommonStep.Call(call: call, tensors: [tensor], inputCoverage: coverage))
      }
    }
    let home =
      record.tensors.lazy.compactMap { targets[side][$0.name]?.first?.common.call }.first
    for tensor in record.tensors {
      let device = side == .actual ? devices.expected(of: tensor.key.device) : tensor.key.device
      guard let targets = targets[side][tensor.name] else {
        add(
          CommonStep.NamedTensor(
            key: lone(tensor.name, home).key(step: records[side].index, on: device),
            source: TensorSource(record: tensor)))
        continue
      }
      for target in targets {
        add(
          CommonStep.NamedTensor(
            key: target.common.key(step: records[side].index, on: device),
            source: source(tensor, target, side), origin: target.origin))
      }
    }
    if calls.count == 1 { calls[0].descriptions = record.descriptions }
    return calls
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
    if var note = tensor.skipped, note.digest != nil,
      !source.transforms.isEmpty || source.part != nil
    {
      note.digest = nil
      note.reason += ", which the mapping cannot transform"
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

extension TensorRecord {
  /// The tensor's name within its step.
  fileprivate var name: StepPairing.Name {
    StepPairing.Name(call: key.call, slot: key.slot)
  }
}

extension StepRecord {
  fileprivate var tensorsByName: [StepPairing.Name: [TensorRecord]] {
    Dictionary(grouping: calls.flatMap(\.tensors), by: \.name)
  }
}

extension MappingRule.Reach {
  /// The slot on the other side; `nil` for a slot that the rule isn't for.
  func counterpart(of slot: Slot, on side: RunSide) -> Slot? {
    guard let slots else { return slot }
    return slots[side] == slot.rawValue ? Slot(slots[side.other]) : nil
  }
}

extension MappingRule.Rename {
  /// Whether it pairs a tensor with the one of the same name.
  func keepsName(of name: StepPairing.Name) -> Bool {
    guard let groups = pattern.groups(in: name.call.module) else { return false }
    return template.name(groups) == name.call.module
      && reach.counterpart(of: name.slot, on: patternSide) == name.slot
  }
}
