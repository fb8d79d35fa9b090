import AssayRuns
import AssayTensors

/// Pairs the tensors of one step of two runs: by equal names, then by rules.
struct StepPairing {
  /// A tensor's name within a run, wherever it lived.
  struct Tensor: Hashable {
    var step: Int
    var call: ModuleCall
    var slot: Slot
  }

  /// Under which name a tensor is compared.
  private struct Target {
    var common: Tensor
    var rule: Int?
    var transforms: [TensorTransform]
    var part: Part?
  }

  /// Which part of a tensor is compared, told by the tensors of the other run.
  private struct Part {
    var axis: Int
    var index: Int
    var siblings: [Tensor]
    var transforms: [TensorTransform]
  }

  /// A rule's claim to a tensor.
  private struct Claim {
    var rule: Int?
    /// Whether other pairs may take other parts of the tensor.
    var isShared: Bool
    /// The tensor of the other run that it is paired with.
    var partner: Tensor
  }

  private let rules: [MappingRule]
  private let records: BothSides<StepRecord>
  private let tensors: BothSides<[Tensor: [TensorRecord]]>
  private let calls: BothSides<Set<ModuleCall>>
  private let deviceMap: [Device: Device]
  private var claims = BothSides<[Tensor: Claim]>(actual: [:], expected: [:])
  private var targets = BothSides<[Tensor: [Target]]>(actual: [:], expected: [:])
  /// What calls without any tensor are called in the other run.
  private var emptyCalls: [ModuleCall: [ModuleCall]] = [:]
  /// Tensors for which a rule names a counterpart that has another one.
  private var rivals = BothSides<[Tensor: (wanted: Tensor, rule: Int)]>(actual: [:], expected: [:])
  /// How many pairs each rule made.
  private(set) var counts: [Int: Int] = [:]
  private(set) var exactCount = 0
  /// How each pair was made, by its common name.
  private(set) var origins: [Tensor: PairOrigin] = [:]

  init(
    _ rules: [MappingRule], actual: StepRecord, expected: StepRecord,
    deviceMap: [(actual: Device, expected: Device)]
  ) {
    self.rules = rules
    records = BothSides(actual: actual, expected: expected)
    tensors = BothSides(actual: actual.tensorsByName, expected: expected.tensorsByName)
    calls = BothSides(
      actual: Set(actual.calls.map(\.call)), expected: Set(expected.calls.map(\.call)))
    self.deviceMap = Dictionary(
      deviceMap.map { ($0.actual, $0.expected) }, uniquingKeysWith: { first, _ in first })
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
      let call = ModuleCall(module: rename.template.name(groups), call: record.call.call)
      guard calls[side.other].contains(call) else { continue }
      noteEmpty(record, side, as: [call])
      for name in names(in: record) {
        guard let slot = reach.counterpart(of: name.slot, on: side) else { continue }
        var pair = BothSides(actual: name, expected: name)
        pair[side.other] = Tensor(step: name.step, call: call, slot: slot)
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
        ModuleCall(module: $0.name(groups), call: record.call.call)
      }
      guard parts.allSatisfy(calls[side.other].contains) else { continue }
      noteEmpty(record, side, as: parts)
      for name in names(in: record) {
        guard let slot = reach.counterpart(of: name.slot, on: side) else { continue }
        let siblings = parts.map { Tensor(step: name.step, call: $0, slot: slot) }
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
    _ pair: BothSides<Tensor>, _ rule: Int, _ slices: BothSides<Bool>
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

  private func isFree(_ name: Tensor, _ side: RunSide, _ slices: Bool) -> Bool {
    claims[side][name].map { $0.isShared && slices } ?? true
  }

  private mutating func add(
    _ pair: BothSides<Tensor>, common: Tensor, rule: Int?,
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
    for side in RunSide.allCases {
      claims[side][pair[side]] = Claim(
        rule: rule, isShared: shared[side], partner: pair[side.other])
      targets[side][pair[side], default: []].append(
        Target(
          common: common, rule: rule, transforms: transforms[side],
          part: side == partSide ? part : nil))
    }
    origins[common] = PairOrigin(rule: rule, actual: side(.actual), expected: side(.expected))
    if let rule { counts[rule, default: 0] += 1 } else { exactCount += 1 }
  }

  /// Notes what an actual call without any tensor is called in the expected run.
  private mutating func noteEmpty(
    _ record: CallRecord, _ side: RunSide, as others: [ModuleCall]
  ) {
    guard side == .actual, record.tensors.isEmpty, !calls.expected.contains(record.call),
      emptyCalls[record.call] == nil
    else { return }
    emptyCalls[record.call] = others
  }

  private func names(in record: CallRecord) -> [Tensor] {
    var seen = Set<Tensor>()
    return record.tensors.map(\.name).filter { seen.insert($0).inserted }
  }

  private func key(_ name: Tensor, _ side: RunSide) -> TensorKey {
    TensorKey(
      step: name.step, module: name.call.module, call: name.call.call,
      device: tensors[side][name]?.first?.key.device ?? .cpu, slot: name.slot)
  }
}

extension StepPairing {
  // MARK: - Steps

  /// One side's step under common names.
  ///
  /// - Parameter sources: Receives where every tensor comes from.
  func mapped(
    _ side: RunSide, _ sources: inout [TensorKey: MappedRun.Source]
  ) -> StepRecord {
    var calls: [CallRecord] = []
    var positions: [ModuleCall: Int] = [:]
    var successors: [[Int]] = []
    for record in records[side].calls {
      let parts = split(record, side, &sources)
      successors.append(
        parts.map { part in
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
    return StepRecord(
      step: records[side].step, calls: calls, completionOrder: completion.reversed(),
      isOrderRecorded: records[side].isOrderRecorded)
  }

  /// The calls that one call becomes.
  private func split(
    _ record: CallRecord, _ side: RunSide, _ sources: inout [TensorKey: MappedRun.Source]
  ) -> [CallRecord] {
    if record.tensors.isEmpty {
      let calls = side == .actual ? emptyCalls[record.call] ?? [record.call] : [record.call]
      return calls.map {
        CallRecord(
          call: $0, descriptions: record.descriptions, inputCoverage: record.inputCoverage)
      }
    }
    var calls: [CallRecord] = []
    func add(_ tensor: TensorRecord, to call: ModuleCall) {
      if let position = calls.firstIndex(where: { $0.call == call }) {
        calls[position].tensors.append(tensor)
      } else {
        calls.append(
          CallRecord(call: call, tensors: [tensor], inputCoverage: record.inputCoverage))
      }
    }
    let home =
      record.tensors.lazy.compactMap { targets[side][$0.name]?.first?.common.call }.first
    for tensor in record.tensors {
      guard let targets = targets[side][tensor.name] else {
        let lone = lone(tensor, home, side)
        if lone.key != tensor.key { sources[lone.key] = MappedRun.Source(key: tensor.key) }
        add(lone, to: ModuleCall(module: lone.key.module, call: lone.key.call))
        continue
      }
      for target in targets {
        var copy = tensor
        copy.key = target.common.key(on: tensor.key.device)
        sources[copy.key] = source(tensor, target, side)
        if var note = copy.skipped, note.digest != nil,
          !target.transforms.isEmpty || target.part != nil
        {
          note.digest = nil
          note.reason += ", which the mapping cannot transform"
          copy.content = .skipped(note)
        }
        add(copy, to: target.common.call)
      }
    }
    if calls.count == 1 { calls[0].descriptions = record.descriptions }
    return calls
  }

  /// An unpaired tensor under the new name of its call, unless this name is another tensor's.
  private func lone(_ tensor: TensorRecord, _ home: ModuleCall?, _ side: RunSide) -> TensorRecord {
    guard let home, home != tensor.name.call else { return tensor }
    let name = Tensor(step: tensor.key.step, call: home, slot: tensor.key.slot)
    guard tensors.actual[name] == nil, tensors.expected[name] == nil, origins[name] == nil else {
      return tensor
    }
    var copy = tensor
    copy.key = name.key(on: tensor.key.device)
    return copy
  }

  private func source(
    _ tensor: TensorRecord, _ target: Target, _ side: RunSide
  ) -> MappedRun.Source {
    var source = MappedRun.Source(
      key: tensor.key, transforms: target.transforms, rule: target.rule)
    if let part = target.part {
      source.part = MappedRun.Source.Part(
        axis: part.axis, index: part.index,
        siblings: part.siblings.map { sibling in
          MappedRun.Source(
            key: counterpart(sibling, of: tensor.key.device, side), transforms: part.transforms)
        })
    }
    return source
  }

  /// The other run's tensor of a name on the device that pairs with one of this run.
  private func counterpart(_ name: Tensor, of device: Device, _ side: RunSide) -> TensorKey {
    let found = tensors[side.other][name] ?? []
    let match = found.first { record in
      side == .actual
        ? record.key.device == deviceMap[device] ?? device
        : deviceMap[record.key.device] ?? record.key.device == device
    }
    return (match ?? found.first)?.key ?? name.key(on: device)
  }
}

extension StepPairing.Tensor {
  func key(on device: Device) -> TensorKey {
    TensorKey(step: step, module: call.module, call: call.call, device: device, slot: slot)
  }
}

extension TensorRecord {
  /// The tensor's name, without its device.
  var name: StepPairing.Tensor {
    StepPairing.Tensor(
      step: key.step, call: ModuleCall(module: key.module, call: key.call), slot: key.slot)
  }
}

extension StepRecord {
  fileprivate var tensorsByName: [StepPairing.Tensor: [TensorRecord]] {
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
  func keepsName(of name: StepPairing.Tensor) -> Bool {
    guard let groups = pattern.groups(in: name.call.module) else { return false }
    return template.name(groups) == name.call.module
      && reach.counterpart(of: name.slot, on: patternSide) == name.slot
  }
}
