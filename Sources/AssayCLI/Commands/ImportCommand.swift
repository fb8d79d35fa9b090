import ArgumentParser
import Assay
import AssayLlama

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Turn a GGUF file of the Llama architecture into a checkpoint directory.",
    discussion: """
      Reads F32, F16, BF16, Q4_0, Q4_1, Q8_0 and Q6_K and writes config.json, model.safetensors in \
      float32 and, where the tokenizer is byte-level BPE, tokenizer.json and tokenizer_config.json, \
      as transformers and `assay record` read them. Nothing that exists is overwritten.
      """)

  @Argument(help: "The .gguf file.")
  var source: String

  @Argument(help: "The directory to write.")
  var destination: String

  func run() throws {
    let bar = ProgressBar("importing")
    defer { bar.clear() }
    let missingTokenizer = try GGUFCheckpoint.write(
      GGUFFile(path: source), to: destination, progress: bar.update(_:of:))
    bar.clear()
    if let missingTokenizer {
      Console.complain(
        "no tokenizer was written (\(missingTokenizer)): record from --prompt-token-ids")
    }
    try Console.print(destination)
  }
}
