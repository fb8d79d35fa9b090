import AssayBase
import AssayRuns
import Foundation
import Testing

@Suite struct RecipeCheckpointTests {
  private func recipe(model: String? = nil, hash: String? = nil) -> Recipe {
    Recipe(
      model: model, modelHash: hash, tokenIDs: [], steps: 1, dtype: "float32", devices: ["cpu"])
  }

  @Test(arguments: [
    ("checkpoint", "Golden/tiny/float32.h5", "Golden/tiny/checkpoint"),
    ("checkpoint", "float32.h5", "checkpoint"),
    ("checkpoint", "/float32.h5", "/checkpoint"),
    ("/models/tiny", "Golden/tiny/float32.h5", "/models/tiny"),
    ("../tiny", "Golden/sets/float32.h5", "Golden/sets/../tiny"),
  ])
  func modelIsBelowTheGoldensFolder(_ model: String, _ golden: String, _ expected: String) {
    #expect(recipe(model: model).checkpointPath(relativeTo: golden) == expected)
  }

  @Test(arguments: [nil, ""])
  func recipeWithoutAModelHasNoCheckpoint(_ model: String?) {
    #expect(recipe(model: model).checkpointPath(relativeTo: "golden.h5") == nil)
  }

  @Test(arguments: [
    ("/sets/tiny/checkpoint", "/sets/tiny/golden.h5", "checkpoint"),
    ("/sets/tiny/checkpoint/", "/sets/tiny/golden.h5", "checkpoint"),
    ("/sets/tiny/a b/%20", "/sets/tiny/golden.h5", "a b/%20"),
    ("/sets/tiny-other", "/sets/tiny/golden.h5", "/sets/tiny-other"),
    ("/sets/tiny/../other", "/sets/tiny/golden.h5", "/sets/other"),
    ("/checkpoint", "/golden.h5", "checkpoint"),
  ])
  func referenceIsRelativeBelowTheGolden(
    _ checkpoint: String, _ golden: String, _ expected: String
  ) {
    #expect(Recipe.modelReference(toCheckpoint: checkpoint, from: golden) == expected)
  }

  @Test func referenceWithoutAGoldenIsAbsolute() {
    let reference = Recipe.modelReference(toCheckpoint: "checkpoint", from: nil)
    #expect(reference.hasPrefix("/") && reference.hasSuffix("/checkpoint"))
  }

  @Test func weightsAreThoseOfTheRecipe() throws {
    let root = try TemporaryDirectory()
    try root.file("model.safetensors", "\u{1}weights")
    let hash = try ModelHash.sha256(ofCheckpoint: root.path)
    try recipe(hash: hash).verifyWeights(ofCheckpoint: root.path)

    try root.file("model.safetensors", "\u{1}Weights")
    let other = try ModelHash.sha256(ofCheckpoint: root.path)
    let error = RunError.otherWeights(expected: hash, actual: other, path: root.path)
    #expect(throws: error) { try recipe(hash: hash).verifyWeights(ofCheckpoint: root.path) }
    #expect("\(error)".contains(hash) && "\(error)".contains(other))
  }

  /// Without a hash nothing says that these are the weights, so it is not taken for granted.
  @Test func recipeWithoutAHashVerifiesNothing() throws {
    let root = try TemporaryDirectory()
    try root.file("config.json", "{}")
    #expect(throws: RunError.unknownWeights(path: root.path)) {
      try recipe().verifyWeights(ofCheckpoint: root.path)
    }
  }

  @Test func absentCheckpointIsAnError() {
    #expect(throws: RunError.notFound(path: "/nowhere/at/all")) {
      try recipe(hash: "sha256:0").verifyWeights(ofCheckpoint: "/nowhere/at/all")
    }
  }
}
