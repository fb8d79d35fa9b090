import Assay

/// A golden that is about to be recorded under another recipe or configuration than its own.
struct GoldenAnew: RunReader {
  private let golden: any RunReader
  let manifest: RunManifest

  /// Wraps a golden; `nil` keeps what is the golden's own.
  init(_ golden: any RunReader, recipe: Recipe? = nil, configuration: CaptureConfiguration? = nil) {
    self.golden = golden
    var manifest = golden.manifest
    if let recipe { manifest.recipe = recipe }
    if let configuration { manifest.configuration = configuration.jsonValue }
    self.manifest = manifest
  }

  var path: String { golden.path }
  var steps: [StepRecord] { golden.steps }

  func tensor(_ key: TensorKey) throws -> Tensor { try golden.tensor(key) }
}
