import AssayBase
import AssayTensors

/// What a dump says of how a tensor of a module lies on the ranks.
struct SGLangDeclaration: Sendable {
  var module: String
  var slot: Slot
  /// `nil` where the dump says nothing.
  var dims: String?
  /// How many axes the tensor has.
  var axisCount: Int
}

extension Placements {
  /// Makes the placements that the dims in the dumps of all ranks say.
  ///
  /// A tensor without dims is left undeclared, and so is one whose dims are not understood or cannot
  /// be said by placements; then its rule says why.
  ///
  /// - Parameter dumps: One for each rank, in any order.
  /// - Returns: `nil` where no tensor has dims, or a rank is missing or of another run.
  /// - Throws: ``RunError/invalidPlacements(source:rule:reason:)`` where the ranks do not say where
  ///   they are.
  package init?(ofDims dumps: [SGLangDumpReader], path: String) throws(RunError) {
    let ordered = dumps.sorted { $0.rank < $1.rank }
    guard ordered.map(\.rank) == Array(ordered.indices),
      ordered.allSatisfy({ $0.manifest.provenance?.worldSize == ordered.count }),
      ordered.contains(where: { $0.declarations.contains { $0.dims != nil } })
    else { return nil }
    let source = "SGLang's dims in \(path)"
    let mesh: SGLangMesh
    do { mesh = try SGLangMesh(ordered.map(\.places)) } catch {
      throw .invalidPlacements(source: source, rule: nil, reason: error.reason)
    }
    self.init(mesh: mesh.mesh, rules: [], source: source)
    /// By how it lies, or why that is not known, and by slot: the modules.
    var groups: [Lie: [ExactName]] = [:]
    var order: [Lie] = []
    for (name, said) in SaidDims.gathered(ordered) {
      let lie: Lie
      do {
        lie = Lie(slot: name.slot, placements: try said.placements(in: mesh), refusal: nil)
      } catch {
        lie = Lie(
          slot: name.slot, placements: mesh.mesh.axes.map { _ in nil }, refusal: error.reason)
      }
      if groups[lie] == nil { order.append(lie) }
      groups[lie, default: []].append(name.module)
    }
    for lie in order {
      let modules = (groups[lie] ?? []).map { ModuleRenaming.escaped($0.text) }.joined(
        separator: "|")
      do {
        rules.append(
          PlacementRule(
            module: try ModuleRenaming(modules),
            slots: [try ModuleRenaming(ModuleRenaming.escaped(lie.slot.rawValue))],
            placements: lie.placements, refusal: lie.refusal))
      } catch {
        throw .invalidPlacements(source: source, rule: nil, reason: "\(error)")
      }
    }
  }

  /// How tensors of a slot lie, or why that is not known.
  private struct Lie: Hashable {
    var slot: Slot
    var placements: [Placement?]
    var refusal: String?
  }
}

/// All that the dumps say of one module and slot.
private struct SaidDims {
  struct Name: Hashable {
    var module: ExactName
    var slot: Slot
  }

  private var texts: [String?] = []
  private var axisCounts: Set<Int> = []

  /// What has dims somewhere, in the order of the dumps.
  static func gathered(_ dumps: [SGLangDumpReader]) -> [(Name, SaidDims)] {
    var positions: [Name: Int] = [:]
    var all: [(Name, SaidDims)] = []
    for declaration in dumps.lazy.flatMap(\.declarations) {
      let name = Name(module: ExactName(declaration.module), slot: declaration.slot)
      let position = positions[name] ?? all.count
      if position == all.count {
        positions[name] = position
        all.append((name, SaidDims()))
      }
      if !all[position].1.texts.contains(declaration.dims) {
        all[position].1.texts.append(declaration.dims)
      }
      all[position].1.axisCounts.insert(declaration.axisCount)
    }
    return all.filter { $0.1.texts != [nil] }
  }

  func placements(in mesh: SGLangMesh) throws(SGLangDims.Failure) -> [Placement?] {
    guard texts.count == 1, let text = texts[0] else {
      let shown = texts.prefix(3).map { text in text.map { "\"\($0.prefix(200))\"" } ?? "none" }
      throw SGLangDims.Failure(
        reason: "its calls, or the ranks, have different dims: \(shown.joined(separator: ", "))")
    }
    do throws(SGLangDims.Failure) {
      let dims = try SGLangDims(text)
      if let other = axisCounts.first(where: { $0 != dims.dimensions.count }) {
        throw SGLangDims.Failure(
          reason: "they are \(dims.dimensions.count), and the tensor has \(other) axes")
      }
      return try mesh.placements(of: dims)
    } catch {
      throw SGLangDims.Failure(reason: "its dims \"\(text.prefix(200))\": \(error.reason)")
    }
  }
}
