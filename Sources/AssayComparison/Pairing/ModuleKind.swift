import AssayBase
import AssayTensors

/// The name that the same module of other layers has too: numbers are replaced by a star.
struct ModuleKind: Hashable, Comparable {
  /// For example `model.layers.*.mlp.down_proj`.
  var name: String { exact.text }
  private let exact: ExactName

  init(_ module: String) {
    exact = ExactName(
      module.parts(separatedBy: ".").map { ModuleKind.isNumber($0) ? "*" : $0 }
        .joined(separator: "."))
  }

  /// A pattern for the whole name of such modules.
  static func pattern(of module: String) -> String {
    let parts = module.parts(separatedBy: ".").map { part in
      isNumber(part) ? #"\d+"# : escaped(part)
    }
    return "^" + parts.joined(separator: #"\."#) + "$"
  }

  static func < (first: ModuleKind, second: ModuleKind) -> Bool { first.exact < second.exact }

  private static func isNumber(_ part: String) -> Bool {
    !part.isEmpty && part.allSatisfy { $0.isASCII && $0.isNumber }
  }

  private static func escaped(_ text: String) -> String {
    text.map { $0.isLetter || $0.isNumber || $0 == "_" ? String($0) : "\\\($0)" }.joined()
  }
}
