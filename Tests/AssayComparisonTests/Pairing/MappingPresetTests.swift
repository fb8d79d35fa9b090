import AssayComparison
import Testing

/// The mappings that come with Assay; `make interop` holds them to models that PyTorch runs.
@Suite struct MappingPresetTests {
  @Test(arguments: MappingPreset.all.map(\.name))
  func eachFitsOnAPage(name: String) throws {
    let preset = try MappingPreset(named: name)
    let mapping = try Mapping(preset: preset)
    #expect(mapping.name.hasSuffix(" of \(name)"))
    #expect(preset.text.split(separator: "\n").count <= 45)
    #expect(preset.summary.hasPrefix("vLLM (actual) against transformers (expected): "))
  }

  @Test func thatOfLlamaHasTwentyRules() throws {
    #expect(
      try Mapping(preset: MappingPreset(named: "vllm-llama")).name == "20 rules of vllm-llama")
  }

  @Test func anotherNameIsRefusedWithTheList() throws {
    let error = #expect(throws: ComparisonError.self) { try MappingPreset(named: "vllm-gpt") }
    #expect(error?.description.contains("which has vllm-llama, vllm-mistral") == true)
    #expect(throws: ComparisonError.self) { try Mapping(fileOrPreset: "./vllm-llama") }
    #expect(try Mapping(fileOrPreset: "vllm-llama").name == "20 rules of vllm-llama")
  }
}
