import Assay
import AssayLlama

extension Provenance {
  /// How provenances name the reference engine.
  static let engineName = "AssayLlama"

  /// Where a run of the reference engine comes from.
  static func current(of llama: Llama, modelHash: String?) -> Provenance {
    var provenance = Provenance.current()
    provenance.framework = engineName
    provenance.frameworkVersion = AssayVersion.current
    provenance.libraries = Llama.libraries
    provenance.modelHash = modelHash
    provenance.dtype = llama.dtype.rawValue
    provenance.threads = llama.threads
    return provenance
  }
}
