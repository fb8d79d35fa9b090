import AssayBase
import AssayRuns
import AssayTensors

extension RunComparison {
  /// Notes which counterparts of a module that made an error may make the same one again.
  ///
  /// What they were handed differs already, and a bug that stands in most of a kind is what their
  /// growth is measured by, so that none stands out of the others. Who amplifies what it is handed
  /// is worth a look, and no more: the note blames nobody.
  mutating func noteSuspects() {
    guard !options.isIsolated else { return }
    var introducing: [ModuleKind: ExactName] = [:]
    var blamed: Set<ExactName> = []
    for module in steps.flatMap(\.modules) where module.origin?.cause == .introduced {
      let name = module.call.module
      blamed.insert(ExactName(name))
      let kind = ModuleKind(name)
      introducing[kind] = introducing[kind] ?? ExactName(name)
    }
    guard !introducing.isEmpty else { return }
    var suspects: [ModuleKind: [String]] = [:]
    var seen = blamed
    for module in steps.flatMap(\.modules) where module.origin?.cause == .amplified {
      let (name, kind) = (module.call.module, ModuleKind(module.call.module))
      guard introducing[kind] != nil, seen.insert(ExactName(name)).inserted else { continue }
      suspects[kind, default: []].append(name)
    }
    for (kind, names) in suspects.sorted(by: { $0.key < $1.key }).prefix(4) {
      guard let first = introducing[kind]?.text else { continue }
      let shown = names.prefix(4).joined(separator: ", ")
      let more = names.count > 4 ? " and \(names.count - 4) more" : ""
      notes.append(
        "\(first) makes an error; \(shown)\(more) at least double\(names.count == 1 ? "s" : "") "
          + "the one handed over, so it may be made again there: a replay with --isolated, which "
          + "judges each module by itself, tells")
    }
  }
}
