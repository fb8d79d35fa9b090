import Assay
import AssayLlama
import AssayRuns
import Foundation

/// Runs the reference engine from a golden's recipe and compares as it goes.
struct EngineReplay {
  var golden: any RunReader
  var path: String
  /// The checkpoint, where it is not the recipe's.
  var model: String?
  var options: ReplayOptions
  var threads: Int?
  var allowsOtherWeights: Bool

  func run() throws -> RunComparison {
    guard let recipe = golden.manifest.recipe else { throw CommandError.noRecipe(golden: path) }
    guard let dtype = DType(torchName: recipe.dtype) else {
      throw CommandError.badRecipe(golden: path, reason: "it names the dtype \(recipe.dtype)")
    }
    let (rank, rankCount) = try recordedRank()
    let checkpoint = try checkpoint(of: recipe)
    let modelHash = try checkedHash(recipe, checkpoint)
    let llama = try TensorParallelLlama(
      checkpoint: checkpoint, rankCount: rankCount, dtype: dtype,
      threads: threads ?? recordedThreads)
    guard rankCount == 1 || golden.manifest.provenance?.placements == llama.placements else {
      throw CommandError.otherPlacements(golden: path, rank: rank, rankCount: rankCount)
    }
    try llama.checkGeneration(from: recipe.tokenIDs, steps: recipe.steps)

    let replay = try Replay(golden: golden, options: options)
    let bar = ProgressBar("replaying")
    defer { bar.clear() }
    var generated: [Int] = []
    var failure: (any Error)?
    do {
      let probes = (0..<rankCount).map { $0 == rank ? replay.probe : .detached }
      _ = try llama.generate(from: recipe.tokenIDs, steps: recipe.steps, probes: probes) {
        generated.append($0)
        bar.update(generated.count, of: recipe.steps)
      }
    } catch {
      failure = error
    }
    var comparison = try replay.finish(
      after: failure, provenance: .current(of: llama, rank: rank, modelHash: modelHash))
    if failure == nil { comparison.judge(generatedTokenIDs: generated, by: recipe) }
    return comparison
  }

  private func checkpoint(of recipe: Recipe) throws -> String {
    if let model { return model }
    guard let found = recipe.checkpointPath(relativeTo: golden.path) else {
      throw CommandError.noModel(golden: path)
    }
    guard FileManager.default.fileExists(atPath: found) else {
      if let error = RunError.standIn(at: found) { throw error }
      throw CommandError.missingModel(path: found, golden: path)
    }
    return found
  }

  /// Checks the weights before anything is loaded.
  ///
  /// - Returns: The hash of the weights that will run.
  private func checkedHash(_ recipe: Recipe, _ checkpoint: String) throws -> String? {
    do {
      try recipe.verifyWeights(ofCheckpoint: checkpoint)
      return recipe.modelHash
    } catch .otherWeights(let expected, let actual, let path) {
      try CommandError.refuseWeights(
        .otherWeights(expected: expected, actual: actual, path: path), unless: allowsOtherWeights)
      return actual
    } catch .unknownWeights(let path) {
      try CommandError.refuseWeights(.unknownWeights(path: path), unless: allowsOtherWeights)
      return try ModelHash.sha256(ofCheckpoint: checkpoint)
    }
  }

  /// Which rank of how many the golden is, where it says how the ranks split the model.
  private func recordedRank() throws(CommandError) -> (rank: Int, rankCount: Int) {
    guard let provenance = golden.manifest.provenance, provenance.placements != nil,
      let rankCount = provenance.worldSize, rankCount != 1
    else { return (0, 1) }
    guard let rank = provenance.rank, 0..<max(rankCount, 0) ~= rank else {
      throw .badRecipe(
        golden: path, reason: "it is rank \(provenance.rank ?? 0) of \(rankCount)")
    }
    guard !options.isIsolated else {
      throw .isolatedRank(golden: path, rank: rank, rankCount: rankCount)
    }
    return (rank, rankCount)
  }

  /// The golden's number of threads, where this engine recorded it.
  private var recordedThreads: Int {
    guard let provenance = golden.manifest.provenance,
      provenance.framework == Provenance.engineName
    else { return 1 }
    return max(1, provenance.threads ?? 1)
  }
}
