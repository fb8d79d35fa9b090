import ArgumentParser
import Assay
import AssayLlama

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Turn a GGUF file of the Llama architecture into a checkpoint directory.",
    discussion: """
      Reads F32, F16, BF16, Q4_0, Q4_1, Q8_0 and Q6_K and writes config.json and model.safetensors \
      in float32, as transformers and `assay record --prompt-token-ids` read them. Nothing that exists is \
      overwritten.
      """)

  @Argument(help: "The .gguf file.")
  var source: String

  @Argument(help: "The directory to write.")
  var destination: String

  func run() throws {
    let bar = ProgressBar("importing")
    defer { bar.clear() }
    try GGUFCheckpoint.write(
      GGUFFile(path: source), to: destination, progress: bar.update(_:of:))
    bar.clear()
    try Console.print(destination)
  }
}
