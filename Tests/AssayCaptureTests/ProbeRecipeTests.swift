import AssayBase
import AssayCapture
import AssayRuns
import Foundation
import Testing

@Suite struct ProbeRecipeTests {
  @Test func recipeIsTheRuns() throws {
    let recipe = Recipe(tokenIDs: [1, 2], steps: 4, dtype: "float32", devices: ["cpu"])
    let recorder = Recorder(
      configuration: everyStep(), sink: MemorySink(),
      manifest: RunManifest(id: "run", recipe: recipe))
    #expect(try recorder.probe.scope("model").recipe == recipe)
    let without = Recorder(
      configuration: everyStep(), sink: MemorySink(), manifest: RunManifest(id: "run"))
    #expect(throws: CaptureError.noRecipe) { try without.probe.recipe }
    #expect(throws: CaptureError.noRecipe) { try Probe.detached.recipe }
  }
}

@Suite struct CaptureEnvironmentTests {
  private static let name = "ASSAY_INTERMEDIATE_LOG_CONFIG_PATH"

  @Test func readsTheFileThatTheEnvironmentNames() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(#"{"output_dir": "/runs", "log_step_ids": []}"#.utf8).write(to: file)
    let configuration = try CaptureConfiguration.fromEnvironment([Self.name: file.path])
    #expect(configuration?.outputDirectory == "/runs" && configuration?.isEnabled == true)
    #expect(try CaptureConfiguration.fromEnvironment(["HOME": "/"]) == nil)

    try Data(#"{"output": 1}"#.utf8).write(to: file)
    let error = #expect(throws: CaptureError.self) {
      try CaptureConfiguration.fromEnvironment([Self.name: file.path])
    }
    #expect(error?.description.hasPrefix("\(Self.name)=\"\(file.path)\": unknown key") == true)
  }

  @Test(arguments: ["", "/nowhere/at/all.json", "/"])
  func unusablePathIsAnErrorThatNamesTheVariable(_ path: String) {
    let error = #expect(throws: CaptureError.self) {
      try CaptureConfiguration.fromEnvironment([Self.name: path])
    }
    #expect(error?.description.hasPrefix("\(Self.name)=\"\(path)\": ") == true)
  }
}
