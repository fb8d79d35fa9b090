package import AssayBase

/// What a run says about itself beside its tensors.
public struct RunManifest: Hashable, Sendable {
  /// The run's unique id: for a plain vLLM dump the name of its directory.
  public var id: String
  /// Whether the recording was finished; a killed one keeps its completed steps only.
  public var isComplete: Bool
  /// Where the run comes from; a plain vLLM dump has none.
  public var provenance: Provenance?
  /// What it takes to run it again.
  public var recipe: Recipe?
  /// The capture configuration under which the run was recorded.
  package var configuration: JSONValue?
  /// Whether it is a file of chosen tensors, a fixture, and not what a recorder saw of a model: then
  /// what it lacks was perhaps never meant to be compared.
  package var isFixture = false

  /// Makes a manifest.
  public init(
    id: String, isComplete: Bool = true, provenance: Provenance? = nil, recipe: Recipe? = nil
  ) {
    self.id = id
    self.isComplete = isComplete
    self.provenance = provenance
    self.recipe = recipe
  }

  /// Makes the manifest that a run was read with.
  package init(
    id: String, isComplete: Bool, provenance: Provenance?, recipe: Recipe?,
    configuration: JSONValue?
  ) {
    self.init(id: id, isComplete: isComplete, provenance: provenance, recipe: recipe)
    self.configuration = configuration
  }
}

/// Where a run comes from: enough to explain why two runs may differ.
public struct Provenance: Hashable, Sendable {
  /// The recording program, such as `assay`.
  public var tool: String
  /// The recording program's version.
  public var toolVersion: String
  /// When the recording began, ISO 8601 in UTC.
  public var created: String
  /// The host's operating system.
  public var os: String?
  /// The processor's model name.
  public var cpu: String?
  /// The processor's features that choose kernels, such as `avx2`.
  public var cpuFeatures: [String]?
  /// What computed the model, such as `pytorch` or `AssayLlama`.
  public var framework: String?
  /// The framework's version.
  public var frameworkVersion: String?
  /// Versions of further libraries that compute, by name.
  public var libraries: [String: String]?
  /// `sha256:` and the hash of the model's configuration and weights.
  public var modelHash: String?
  /// The dtype the model computed in.
  public var dtype: String?
  /// The seed of the random number generator.
  public var seed: Int?
  /// How many threads computed.
  public var threads: Int?
  /// How tokens were chosen, such as `{"do_sample": false}`.
  package var generation: JSONValue?
  /// This process's rank among those of a distributed run.
  public var rank: Int?
  /// How many processes a distributed run has.
  public var worldSize: Int?
  /// How this rank's tensors and those of the others make the whole ones: the placements file as
  /// JSON.
  package var placements: JSONValue?
  /// Who made it a golden, and all goldens that it replaced, from the first to the last.
  package var approvals: [Approval]?
  /// What else its recorder says, under names that are none of these.
  package var others: NameMap<JSONValue> = [:]

  /// Makes a provenance; all that is not known stays `nil`.
  public init(tool: String, toolVersion: String, created: String) {
    self.tool = tool
    self.toolVersion = toolVersion
    self.created = created
  }
}

/// What replaying a run needs.
public struct Recipe: Hashable, Sendable {
  /// The checkpoint's directory, relative to the golden where it lies below it.
  public var model: String?
  /// `sha256:` and the hash of the model's configuration and weights.
  public var modelHash: String?
  /// The prompt's text, where the run began from text.
  public var prompt: String?
  /// The prompt's token ids.
  public var tokenIDs: [Int]
  /// The number of forward passes.
  public var steps: Int
  /// The dtype the model computes in.
  public var dtype: String
  /// The devices it ran on.
  public var devices: [String]
  /// The tokens that the run generated, greedily.
  public var generatedTokenIDs: [Int]?
  /// What else its recorder says, under names that are none of these.
  package var others: NameMap<JSONValue> = [:]

  /// Makes a recipe.
  public init(
    model: String? = nil, modelHash: String? = nil, prompt: String? = nil, tokenIDs: [Int],
    steps: Int, dtype: String, devices: [String], generatedTokenIDs: [Int]? = nil
  ) {
    self.model = model
    self.modelHash = modelHash
    self.prompt = prompt
    self.tokenIDs = tokenIDs
    self.steps = steps
    self.dtype = dtype
    self.devices = devices
    self.generatedTokenIDs = generatedTokenIDs
  }
}
