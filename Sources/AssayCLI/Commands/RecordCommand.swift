import ArgumentParser
import Assay
import AssayLlama
import Foundation

struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Run a Llama-family checkpoint and record what every module computed.",
    discussion: """
      Without a capture configuration, from an option or from the file that \
      ASSAY_INTERMEDIATE_LOG_CONFIG_PATH names, every module of every step is recorded. The \
      reference engine decodes greedily and stops at the model's end of text. With --ranks the \
      model is split as tensor parallelism does, computed rank by rank, and every rank writes a run \
      of its own: <id>-rank<n>, or <golden>.rank<n>.h5.
      """)

  @Option(
    help: "A Hugging Face checkpoint directory: config.json, *.safetensors, tokenizer.json.")
  var model: String

  @Option(help: "The text to continue.")
  var prompt: String?

  @Option(help: "The token ids to continue, separated by commas, instead of a text.")
  var promptTokenIds: String?

  @Option(help: "The most tokens to generate; each takes one step.")
  var maxTokens = 16

  @Option(help: "auto (the checkpoint's own), float32, bfloat16 or float16.")
  var dtype = DTypeChoice.auto

  @Option(help: "Threads per matrix product; results do not depend on them.")
  var threads = 1

  @Option(
    help: ArgumentHelp(
      "Split the model over so many ranks, whose runs say how their tensors make the whole ones.",
      valueName: "n"))
  var ranks = 1

  @Flag(help: "Accepted for vLLM's sake: the reference engine always runs eagerly.")
  var enforceEager = false

  @Option(help: "The capture configuration, as vLLM's JSON.")
  var intermediateLogConfig: String?

  @Option(help: "A file with the capture configuration, which turns it on.")
  var intermediateLogConfigPath: String?

  @Option(
    help: """
      Write one .h5 file with the recipe to replay it, instead of the default run; none that exists \
      is replaced.
      """)
  var golden: String?

  @OptionGroup var keep: KeepOption

  enum DTypeChoice: String, CaseIterable, ExpressibleByArgument {
    case auto, float32, bfloat16, float16
    case float, half

    func resolved(for model: LlamaConfiguration) -> DType {
      switch self {
      case .auto: model.dtype ?? .float32
      case .float32, .float: .float32
      case .bfloat16: .bfloat16
      case .float16, .half: .float16
      }
    }
  }

  func validate() throws {
    guard (prompt == nil) != (promptTokenIds == nil) else {
      throw ValidationError("give either --prompt or --prompt-token-ids")
    }
    guard intermediateLogConfig == nil || intermediateLogConfigPath == nil else {
      throw ValidationError(
        "give either --intermediate-log-config or --intermediate-log-config-path")
    }
    guard maxTokens > 0 else { throw ValidationError("--max-tokens must be at least 1") }
    // Here, so that the message shows this command's usage.
    if promptTokenIds != nil { _ = try promptTokenIDs(nil) }
    guard ranks > 0 else { throw ValidationError("--ranks must be at least 1") }
    guard threads > 0 else { throw ValidationError("--threads must be at least 1") }
  }

  func run() throws {
    let (capture, isConfigured) = try captureConfiguration()
    let dtype = dtype.resolved(for: try LlamaConfiguration(contentsOf: model))
    // Token ids need no tokenizer: a checkpoint without one can still be recorded.
    let tokenizer =
      prompt == nil ? try? Tokenizer(contentsOf: model) : try Tokenizer(contentsOf: model)
    let tokenIDs = try promptTokenIDs(tokenizer)
    let llama = try TensorParallelLlama(
      checkpoint: model, rankCount: ranks, dtype: dtype, threads: threads)
    for rank in 0..<ranks {
      guard let golden = golden(of: rank).map({ GoldenFile(path: $0) }) else { continue }
      if golden.exists { throw CommandError.goldenExists(path: golden.path) }
      try golden.checkWritable()
    }
    // Before a run's directory is made: what cannot run leaves nothing behind.
    try llama.checkGeneration(from: tokenIDs, steps: maxTokens)
    let recorders = try manifests(of: llama, tokenIDs: tokenIDs).enumerated().map {
      try recorder(
        capture, $1, golden: golden(of: $0), writesRun: isConfigured || golden == nil)
    }

    let bar = ProgressBar("recording")
    defer { bar.clear() }
    var count = 0
    let generated = try llama.generate(
      from: tokenIDs, steps: maxTokens, probes: recorders.map(\.probe), stopsAtEnd: true
    ) { _ in
      count += 1
      bar.update(count, of: maxTokens)
    }
    let paths = try finish(recorders, generated)
    bar.clear()
    for rule in recorders[0].idleRules {
      Console.complain(
        "Warning: module_call_match: the pattern \"\(rule.source)\" recorded no module call")
    }
    try Console.print(text(of: generated, tokenizer))
    for path in paths { try Console.print("recorded \(path)") }
  }

  private func finish(_ recorders: [Recorder], _ generated: [Int]) throws -> [String] {
    var goldens: [String] = []
    do {
      return try recorders.enumerated().flatMap { rank, recorder in
        let paths = try recorder.finish { manifest in
          manifest.recipe?.steps = generated.count
          manifest.recipe?.generatedTokenIDs = generated
        }
        if let golden = golden(of: rank) { goldens.append(golden) }
        return paths
      }
    } catch {
      // The goldens of some ranks are no golden.
      for golden in goldens { try? FileManager.default.removeItem(atPath: golden) }
      if case CaptureError.nothingRecorded = error {
        // An empty run directory would only be found, and wondered at, much later.
        for recorder in recorders {
          let directory = recorder.configuration.outputDirectory + "/" + recorder.manifest.id
          try? FileManager.default.removeItem(atPath: directory)
        }
      }
      throw error
    }
  }

  /// The golden of a rank, named as `assay_torch` names it.
  private func golden(of rank: Int) -> String? {
    guard let golden, ranks > 1 else { return golden }
    let path = URL(filePath: golden)
    let name = path.deletingPathExtension().lastPathComponent + ".rank\(rank)"
    let suffix = path.pathExtension.isEmpty ? "" : "." + path.pathExtension
    return golden.dropLast(path.lastPathComponent.count) + name + suffix
  }

  /// What is to be recorded, and whether that was said by anyone.
  ///
  /// An option beats the environment, by which `assay replay` tells a command what to record.
  private func captureConfiguration() throws -> (CaptureConfiguration, isConfigured: Bool) {
    var capture = CaptureConfiguration()
    var isConfigured = true
    if let intermediateLogConfig {
      capture = try CaptureConfiguration(json: intermediateLogConfig)
    } else if let intermediateLogConfigPath {
      do {
        capture = try CaptureConfiguration(contentsOfFile: intermediateLogConfigPath)
      } catch let error as CaptureError {
        if case .unreadableFile = error { throw error }
        throw CommandError.badConfiguration(
          path: intermediateLogConfigPath, reason: error.description)
      }
    } else if let given = try CaptureConfiguration.fromEnvironment() {
      capture = given
    } else {
      capture.steps = []
      isConfigured = false
    }
    guard capture.isEnabled else { throw CommandError.recordingDisabled }
    if let keep = keep.keep { capture.keep = keep }
    return (capture, isConfigured)
  }

  private func promptTokenIDs(_ tokenizer: Tokenizer?) throws -> [Int] {
    if let promptTokenIds {
      return try NaturalListArgument.parse(
        promptTokenIds, option: "--prompt-token-ids", items: "token ids")
    }
    return try tokenizer?.encode(prompt ?? "") ?? []
  }

  /// What the run of each rank says about itself.
  private func manifests(
    of llama: TensorParallelLlama, tokenIDs: [Int]
  ) throws -> [RunManifest] {
    let modelHash = try ModelHash.sha256(ofCheckpoint: model)
    let recipe = Recipe(
      model: Recipe.modelReference(toCheckpoint: model, from: golden), modelHash: modelHash,
      prompt: prompt, tokenIDs: tokenIDs,
      steps: maxTokens, dtype: llama.dtype.rawValue, devices: [Device.cpu.name])
    let id = UUID().uuidString.lowercased()
    return (0..<ranks).map { rank in
      RunManifest(
        id: ranks > 1 ? "\(id)-rank\(rank)" : id, isComplete: false,
        provenance: .current(of: llama, rank: rank, modelHash: modelHash), recipe: recipe)
    }
  }

  /// A golden alone where only that was asked for; else the configured run, and the golden too.
  private func recorder(
    _ capture: CaptureConfiguration, _ manifest: RunManifest, golden: String?, writesRun: Bool
  ) throws -> Recorder {
    var writers: [any RunSink] = []
    if writesRun {
      writers = try Recorder.writers(for: capture, manifest: manifest)
    }
    if let golden {
      writers.append(try HDF5RunWriter(path: golden, mode: .newGolden, manifest: manifest))
    }
    return Recorder(
      configuration: capture, writers: writers, manifest: manifest,
      queueByteLimit: Recorder.defaultQueueByteLimit / ranks)
  }

  private func text(of generated: [Int], _ tokenizer: Tokenizer?) throws -> String {
    guard let tokenizer else { return generated.map(String.init).joined(separator: ",") }
    return try (prompt ?? "") + tokenizer.decode(generated)
  }
}
