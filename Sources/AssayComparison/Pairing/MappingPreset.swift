import Foundation

/// A mapping that comes with Assay, for two programs that run the same model.
public struct MappingPreset: Sendable {
  /// What `--mapping` takes: `vllm-llama`.
  public let name: String
  /// Which runs it is for, in a few words.
  public let summary: String
  /// The rules, as in a file.
  public let text: String

  private init(_ name: String, _ summary: String, _ bytes: [UInt8]) {
    self.name = name
    self.summary = "vLLM (actual) against transformers (expected): \(summary)"
    text = String(decoding: bytes, as: UTF8.self)
  }

  /// All of them, by name.
  public static let all = [
    MappingPreset("vllm-llama", "Llama", PackageResources.vllm_llama_yml),
    MappingPreset("vllm-mistral", "Mistral", PackageResources.vllm_llama_yml),
    MappingPreset("vllm-mixtral", "Mixtral", PackageResources.vllm_mixtral_yml),
    MappingPreset("vllm-qwen2", "Qwen2", PackageResources.vllm_llama_yml),
    MappingPreset("vllm-qwen3", "Qwen3", PackageResources.vllm_qwen3_yml),
    MappingPreset("vllm-qwen3-moe", "Qwen3 with experts", PackageResources.vllm_qwen3_moe_yml),
  ]

  /// The preset of a name.
  ///
  /// - Throws: ``ComparisonError/invalidRules(source:rule:line:reason:)`` for any other.
  public init(named name: String) throws(ComparisonError) {
    guard let preset = Self.all.first(where: { $0.name == name }) else {
      throw .invalidRules(
        source: name, rule: nil, line: nil,
        reason: "there is no such file, and no such mapping comes with Assay, which has "
          + Self.all.map(\.name).joined(separator: ", "))
    }
    self = preset
  }
}

extension Mapping {
  /// Makes one of the mappings that come with Assay.
  ///
  /// - Throws: ``ComparisonError/invalidRules(source:rule:line:reason:)``.
  public init(preset: MappingPreset) throws(ComparisonError) {
    try self.init(yaml: preset.text, source: preset.name)
  }

  /// Reads a file of rules or, for a name that is no path and no file, makes a preset.
  ///
  /// - Throws: ``ComparisonError/invalidRules(source:rule:line:reason:)``.
  package init(fileOrPreset name: String) throws(ComparisonError) {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: name, isDirectory: &isFolder)
    if name.contains("/") || exists && !isFolder.boolValue {
      try self.init(contentsOfFile: name)
    } else {
      try self.init(preset: MappingPreset(named: name))
    }
  }
}
