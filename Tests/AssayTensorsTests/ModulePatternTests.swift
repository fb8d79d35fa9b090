import AssayTensors
import Testing

@Suite struct ModulePatternTests {
  @Test func isFoundAnywhereInTheName() throws {
    let pattern = try ModulePattern(#"layers\.\d+\.(?!mlp)"#)
    #expect(pattern.matches("model.layers.10.self_attn"))
    #expect(!pattern.matches("model.layers.10.mlp"))
  }

  @Test func refusalNamesThePatternAndTheReason() {
    #expect(throws: TensorError.invalidPattern("a\\h", reason: "bad escape \\h")) {
      try ModulePattern("a\\h")
    }
  }
}
