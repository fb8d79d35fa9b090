import AssayTensors

/// Ordered rules by which tensors of two runs are paired whose modules have other names or forms.
///
/// Tensors of the same step, module, call and slot pair without a rule. For the rest the first rule
/// that produces a pair decides, and what no rule pairs is missing. Nothing is ever paired by its
/// position.
public struct Mapping: Sendable {
  /// The file that the rules come from; `nil` for rules made in code.
  package let source: String?
  let rules: [MappingRule]

  init(_ rules: [MappingRule], source: String?) {
    self.rules = rules
    self.source = source
  }

  /// What it is called in a report: `12 rules of mapping.yml`.
  package var name: String {
    "\(rules.count) rule\(rules.count == 1 ? "" : "s")" + (source.map { " of \($0)" } ?? "")
  }
}

/// One rule of a mapping.
struct MappingRule: Sendable {
  enum Action: Sendable {
    /// Pairs one module with one of another name, or transforms one of the same.
    case rename(Rename)
    /// Pairs one module with several that together are the same.
    case split(Split)
    /// Leaves tensors out.
    case drop(Drop)
  }

  var action: Action
  /// Its line in the file.
  var line: Int?
  /// The rule in one line, as reports show it.
  var text: String
}

extension MappingRule {
  /// What of the calls a rule is for.
  struct Reach: Sendable {
    /// The slot of each side; `nil` for all, each with its own name.
    var slots: BothSides<String>?
    /// What is done to the tensors of each side.
    var transforms: BothSides<[TensorTransform]>

    func slices(_ side: RunSide) -> Bool { transforms[side].contains(where: \.isSlice) }
  }

  struct Rename: Sendable {
    /// The side whose names the pattern matches.
    var patternSide: RunSide
    var pattern: ModuleRenaming
    /// The name on the other side.
    var template: ModuleNameTemplate
    var reach: Reach
  }

  struct Split: Sendable {
    /// The side on which all is in one module.
    var wholeSide: RunSide
    var pattern: ModuleRenaming
    /// The modules on the other side, in the order in which their tensors are joined.
    var parts: [ModuleNameTemplate]
    var axis: Int
    var reach: Reach
  }

  struct Drop: Sendable {
    var sides: [RunSide]
    var pattern: ModuleRenaming
    var slot: String?
  }
}
