import Foundation
import Testing

/// `assay mappings`, and what `--mapping` takes.
@Suite struct MappingsTests {
  @Test func aMappingIsPrintedAsItCanBeRead() throws {
    let folder = try TemporaryFolder()
    let printed = try AssayProcess.shell("assay mappings vllm-llama", in: folder.url)
    #expect(printed.status == 0)
    #expect(printed.stdout.hasPrefix("# vLLM (actual) against transformers (expected): Llama"))
    let golden = AssayProcess.packageRoot.appending(path: "Golden/tiny-llama/float32.h5").path
    // A file of the name is taken before the mapping of the name; this one has no rules.
    try "rules: 1".write(
      to: folder.url.appending(path: "vllm-llama"), atomically: true, encoding: .utf8)
    let file = try AssayProcess.shell(
      "assay compare '\(golden)' '\(golden)' --mapping vllm-llama", in: folder.url)
    #expect(file.status == 2)
    #expect(file.stderr.contains("rules must be a list"))
  }

  @Test func anUnknownNameIsRefused() throws {
    for command in [["mappings", "x"], ["compare", "a", "b", "--mapping", "x"]] {
      let outcome = try AssayProcess.run(command)
      #expect(outcome.status == 2)
      #expect(outcome.stderr.contains("no such mapping comes with Assay, which has vllm-llama"))
    }
  }
}
