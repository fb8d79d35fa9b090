import Assay
import AssayLlama

extension Provenance {
  /// How provenances name the reference engine.
  static let engineName = "AssayLlama"

  /// Where a run of the reference engine comes from, or a rank's where there are several.
  static func current(
    of llama: TensorParallelLlama, rank: Int, modelHash: String?
  ) -> Provenance {
    var provenance = Provenance.current()
    provenance.framework = engineName
    provenance.frameworkVersion = AssayVersion.current
    provenance.libraries = Llama.libraries
    provenance.modelHash = modelHash
    provenance.dtype = llama.dtype.rawValue
    provenance.threads = llama.threads
    if llama.ranks.count > 1 {
      provenance.rank = rank
      provenance.worldSize = llama.ranks.count
      provenance.placements = llama.placements
    }
    return provenance
  }
}
