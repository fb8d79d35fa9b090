import AssayBase
import AssayCapture
import AssayRuns
import AssayTensors
import Foundation
import Testing

@Suite struct CaptureConfigurationTests {
  @Test func defaultsAreVLLMs() throws {
    let configuration = try CaptureConfiguration(json: "{}")
    #expect(!configuration.isEnabled)
    #expect(configuration.outputDirectory == "/tmp/vllm_intermediates")
    #expect(configuration.modules.rules.isEmpty)
    #expect(configuration.steps == [0])
    #expect(configuration.maxTensorSize == nil)
    #expect(configuration.devices.isEmpty)
    #expect(!configuration.recordsPostForwardInputs)
    #expect(configuration.formats == [.pt, .hdf5])
    #expect(configuration.keep == .full)
    // Readers of before know no such key.
    #expect(configuration.jsonValue.members?["keep"] == nil)
  }

  @Test(arguments: TensorKeep.allCases) func whatIsKeptIsRead(_ keep: TensorKeep) throws {
    let configuration = try CaptureConfiguration(json: #"{"keep": "\#(keep.rawValue)"}"#)
    #expect(configuration.keep == keep)
    #expect(try CaptureConfiguration(configuration.jsonValue) == configuration)
  }

  @Test func readsEveryKey() throws {
    let configuration = try CaptureConfiguration(
      json: #"""
        {"enabled": true, "output_dir": "/data/out", "log_step_ids": [0, 1], "max_tensor_size": 100,
         "module_call_match": ["layers\\.0\\.(?!.*rotary_emb).*", "rotary_emb:0"],
         "device_names": ["cuda:0"], "log_post_fwd_inputs": true, "formats": ["hdf5"]}
        """#)
    #expect(configuration.isEnabled && configuration.recordsPostForwardInputs)
    #expect(configuration.outputDirectory == "/data/out")
    #expect(configuration.steps == [0, 1])
    #expect(configuration.maxTensorSize == 100)
    #expect(configuration.devices == [Device("cuda:0")])
    #expect(configuration.formats == [.hdf5])
    #expect(configuration.modules.rules.map(\.call) == [nil, 0])
    #expect(try configuration.modules.matches("model.layers.0.mlp", call: 3))
    #expect(try !configuration.modules.matches("model.layers.1.mlp", call: 0))
    #expect(try !configuration.modules.matches("model.layers.0.self_attn.rotary_emb", call: 1))
    #expect(try CaptureConfiguration(configuration.jsonValue) == configuration)
  }

  @Test func spoolsAreReadOfManifestsAndWrittenByNoRecorderOfSwift() throws {
    let configuration = try CaptureConfiguration(json: #"{"enabled": true, "formats": ["spool"]}"#)
    #expect(configuration.formats == [.spool])
    let error = #expect(throws: CaptureError.self) {
      try Recorder.writers(for: configuration, manifest: RunManifest(id: "run"))
    }
    #expect("\(try #require(error))".contains("assay_torch alone records spools"))
  }

  @Test func emptyArraysAndNullMeanAll() throws {
    let configuration = try CaptureConfiguration(
      json: #"{"log_step_ids": [], "device_names": [], "module_call_match": null}"#)
    #expect(configuration.includes(step: 7) && configuration.includes(device: Device("mps")))
    #expect(try configuration.modules.matches("anything", call: 5))
    #expect(try CaptureConfiguration(configuration.jsonValue) == configuration)
  }

  @Test func fileIsOnUnlessItSaysOtherwise() throws {
    let path = FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString).json"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(#"{"module_call_match": "norm"}"#.utf8).write(to: URL(filePath: path))
    #expect(try CaptureConfiguration(contentsOfFile: path).isEnabled)
    try Data(#"{"enabled": false}"#.utf8).write(to: URL(filePath: path))
    #expect(try !CaptureConfiguration(contentsOfFile: path).isEnabled)
    #expect(throws: CaptureError.self) { try CaptureConfiguration(contentsOfFile: path + "x") }
    #expect(throws: CaptureError.self) { try CaptureConfiguration(contentsOfFile: "/") }
  }

  @Test(arguments: [
    (#"{"enable": true}"#, #"unknown key "enable""#),
    (#"{"Enabled": true}"#, "valid keys: enabled, output_dir, module_call_match, log_step_ids"),
    (#"{"enabled": "yes"}"#, #""enabled" in the capture configuration must be true or false"#),
    (#"{"enabled": 1}"#, "not a number"),
    (#"{"output_dir": 3}"#, #""output_dir""#),
    (#"{"output_dir": ""}"#, #""output_dir""#),
    (#"{"log_step_ids": 0}"#, "must be an array of integers, not a number"),
    (#"{"log_step_ids": [0, "1"]}"#, "must be an array of integers, not a string"),
    (#"{"log_step_ids": [0.5]}"#, #""log_step_ids""#),
    (#"{"log_step_ids": [true]}"#, #""log_step_ids""#),
    (#"{"log_step_ids": [-1]}"#, "cannot be -1: it must not be negative"),
    (#"{"log_step_ids": null}"#, "not null"),
    (#"{"max_tensor_size": -5}"#, "cannot be -5"),
    (#"{"max_tensor_size": "1"}"#, "an integer or null"),
    (#"{"device_names": "cpu"}"#, "an array of strings"),
    (#"{"log_post_fwd_inputs": 0}"#, #""log_post_fwd_inputs""#),
    (#"{"formats": ["npz"]}"#, #"valid formats: "pt", "hdf5""#),
    (#"{"formats": []}"#, #"valid formats: "pt", "hdf5""#),
    (#"{"formats": "pt"}"#, #""formats""#),
    (#"{"keep": "all"}"#, #"valid values: "full", "sample", "digest""#),
    (#"{"keep": ["digest"]}"#, #""keep""#),
    (#"{"module_call_match": 1}"#, #""module_call_match""#),
    (#"{"module_call_match": ["a", "b("]}"#, "unterminated subpattern"),
    (#"{"module_call_match": "rotary_emb:-1"}"#, "must be a number from 0"),
    (#"{"module_call_match": "rotary_emb:"}"#, "must be a number from 0"),
    (#"{"module_call_match": "a:99999999999999999999"}"#, "must be a number from 0"),
    ("[]", "must be a JSON object: found an array"),
    ("{", "it is not valid JSON"),
    ("", "it is not valid JSON"),
  ])
  func errorNamesTheKeyAndWhatIsValid(_ json: String, _ expected: String) throws {
    let error = try #require(throws: CaptureError.self) { try CaptureConfiguration(json: json) }
    #expect(error.description.contains(expected), "\(error)")
  }
}

@Suite struct ModuleFilterTests {
  @Test(
    arguments: [
      ("rotary_emb:0", "rotary_emb", 0), ("norm", "norm", nil), ("(?:a|b):12", "(?:a|b)", 12),
      ("(?:a)", "(?:a)", nil), ("a:b", "a:b", nil), (#"a\:1"#, #"a\:1"#, nil),
      (#"a\\:1"#, #"a\\"#, 1), ("a:1:2", "a:1", 2), (":0", "", 0),
    ] as [(String, String, Int?)])
  func callIsReadFromTheEndOnly(_ source: String, _ pattern: String, _ call: Int?) throws {
    let rule = try ModuleFilter.Rule(source)
    #expect(rule.pattern.source == pattern && rule.call == call)
    #expect(rule.source == source)
  }
}
