import AssayTensors

/// Ordered rules by which tensors of two runs are paired whose modules have other names or forms.
///
/// Tensors of the same step, module, call and slot pair without a rule, unless a rule says that it
/// goes before them. For the rest the first rule that produces a pair decides, and what no rule
/// pairs is missing. Nothing is ever paired by its position.
public struct Mapping: Sendable {
  /// The file that the rules come from; `nil` for rules made in code.
  package let source: String?
  let rules: [MappingRule]
  /// What is done to the tensors of each side that pair without a rule.
  let transforms: BothSides<[TensorTransform]>

  init(
    _ rules: [MappingRule],
    transforms: BothSides<[TensorTransform]> = BothSides(actual: [], expected: []), source: String?
  ) {
    self.rules = rules
    self.transforms = transforms
    self.source = source
  }

  /// The first pattern whose matching was given up.
  var unfinishedPattern: UnfinishedPattern? {
    rules.lazy.compactMap { rule in
      switch rule.action {
      case .pair(let pair):
        pair.pattern.unfinished
          ?? (pair.slots ?? []).lazy.compactMap(\.actual.unfinished).first
      case .drop(let drop):
        drop.pattern.unfinished ?? (drop.slots ?? []).lazy.compactMap(\.unfinished).first
      }
    }.first
  }

  /// What it is called in a report: `12 rules of mapping.yml`.
  package var name: String {
    "\(rules.count) rule\(rules.count == 1 ? "" : "s")" + (source.map { " of \($0)" } ?? "")
  }
}

/// One rule of a mapping.
struct MappingRule: Sendable {
  enum Action: Sendable {
    /// Pairs tensors of other names or forms, or transforms those of the same.
    case pair(Pair)
    /// Leaves tensors out.
    case drop(Drop)
  }

  var action: Action
  /// Which tensors it is for, besides their names.
  var scope = Scope()
  /// Whether it may do nothing.
  var isOptional = false
  /// Its line in the file.
  var line: Int?
  /// The rule in one line, as reports show it.
  var text: String
}

extension MappingRule {
  /// Where a rule is in force.
  struct Scope: Sendable {
    /// `nil` for all steps.
    var steps: [ClosedRange<Int>]?
    /// As the expected run names it; `nil` for all devices.
    var device: Device?

    func covers(step: Int) -> Bool { steps?.contains { $0.contains(step) } ?? true }
  }

  struct Pair: Sendable {
    /// The side whose names the pattern matches.
    var patternSide: RunSide
    var pattern: CallPattern
    /// The calls on the other side: several only where they are combined, in that order.
    var others: [CallTemplate]
    /// Which slots pair; `nil` for all, each with its own name.
    var slots: [SlotRenaming]?
    /// What is done to the tensors of each side, before they are combined.
    var transforms: BothSides<[TensorTransform]>
    /// How several tensors of one side are one of the other.
    var combination: Combination?
    /// Whether a side's tensor may be that of other pairs too.
    var isShared = BothSides(actual: false, expected: false)
    /// Whether it is tried before equal names.
    var precedesNames = false

    /// The calls that one on the pattern's side is paired with; `nil` for none.
    func others(of call: CallKey) -> [CallKey]? {
      guard let groups = pattern.groups(of: call) else { return nil }
      let calls = others.compactMap { $0.call(groups, like: call) }
      return calls.count == others.count ? calls : nil
    }

    /// The expected slot for an actual one; `nil` for a slot that the rule isn't for.
    func expectedSlot(of slot: Slot) -> Slot? {
      guard let slots else { return slot }
      return slots.lazy.compactMap { $0.expected(of: slot) }.first
    }

    /// Whether the tensors of an actual slot are the parts of a whole: outputs, but inputs too where
    /// the rule names nothing else.
    func joins(_ slot: Slot) -> Bool {
      guard let slots else { return slot.side == .outputs }
      return slot.side == .outputs || slot.side == nil || slots.allSatisfy(\.actual.isOfInputs)
    }
  }

  /// How several tensors become one.
  enum Combination: Sendable {
    /// The tensors of the other side's calls, joined along an axis, are the pattern side's.
    case concatenation(axis: Int)
    /// The tensors of these slots, of all calls of a side, are added up to the other side's.
    case sum(of: RunSide, terms: [Slot], total: Slot)
  }

  struct Drop: Sendable {
    var sides: [RunSide]
    var pattern: CallPattern
    /// `nil` for all slots.
    var slots: [SlotPattern]?
  }
}

extension MappingRule {
  /// What it pairs; `nil` for one that leaves tensors out.
  var pair: Pair? { if case .pair(let pair) = action { pair } else { nil } }
}
