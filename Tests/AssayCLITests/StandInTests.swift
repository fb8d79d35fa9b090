import Foundation
import Testing

/// Files that were not fetched, through the built binary.
@Suite struct StandInTests {
  private static let pointer = "version https://git-lfs.github.com/spec/v1\nsize 1\n"
  private static let isPointer = "is a git-lfs pointer, not the file itself; fetch it: git -C "

  /// A folder that is the root of a repository.
  private func repository() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      at: folder.url.appending(path: ".git"), withIntermediateDirectories: true)
    return folder
  }

  private func expectPointer(_ outcome: AssayProcess.Outcome, to file: String) {
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains(Self.isPointer), "\(outcome.stderr)")
    #expect(outcome.stderr.contains(" lfs pull --include=\(file)"), "\(outcome.stderr)")
  }

  @Test(arguments: ["x.h5", "x.pt", "x.bin", "x.safetensors", "x.gguf", "x"])
  func inspectTellsOfAPointer(_ name: String) throws {
    let folder = try repository()
    try Data(Self.pointer.utf8).write(to: folder.url.appending(path: name))
    expectPointer(try AssayProcess.run(["inspect", folder.path(name)]), to: name)
  }

  @Test(arguments: ["x.h5", "x.pt", "x.safetensors", "x.gguf", "x"])
  func inspectTellsWhatElseStandsThere(_ name: String) throws {
    let folder = try repository()
    for (content, part) in [
      ("", "is empty"), ("<html>", "is a web page"), ("{\"error\": 1}", "is a JSON text"),
      ("/annex/objects/SHA256E-s9--4d7a\n", "annex get \(name)"),
    ] {
      try Data(content.utf8).write(to: folder.url.appending(path: name))
      let outcome = try AssayProcess.run(["inspect", folder.path(name)])
      #expect(outcome.status == 2 && outcome.stderr.contains(part), "\(outcome.stderr)")
    }
    try FileManager.default.removeItem(atPath: folder.path(name))
    try Data().write(to: folder.url.appending(path: name + ".dvc"))
    let outcome = try AssayProcess.run(["inspect", folder.path(name)])
    #expect(outcome.status == 2 && outcome.stderr.contains(" pull \(name)"), "\(outcome.stderr)")
  }

  @Test func compareTellsOfARunsIndexAndOfItsTensors() throws {
    let folder = try repository()
    let run = folder.path("run")
    let converted = try AssayProcess.run(["convert", "Golden/tiny-llama/float32.h5", run])
    try #require(converted.status == 0, "\(converted.stderr)")
    let tensor = "step_0/model.embed_tokens/outputs_cpu.pt"
    for file in [tensor, "run.json"] {
      try Data(Self.pointer.utf8).write(to: URL(filePath: run + "/" + file))
      expectPointer(
        try AssayProcess.run(["compare", run, "Golden/tiny-llama/float32.h5"]), to: "run/" + file)
    }
  }

  @Test(arguments: ["config.json", "tokenizer.json", "model.safetensors"])
  func recordTellsOfACheckpointsFile(_ name: String) throws {
    let folder = try repository()
    let checkpoint = AssayProcess.packageRoot.appending(path: "Golden/tiny-llama/checkpoint")
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        at: checkpoint.appending(path: file), to: folder.url.appending(path: file))
    }
    try Data(Self.pointer.utf8).write(to: folder.url.appending(path: name))
    expectPointer(
      try AssayProcess.run(
        ["record", "--model", folder.url.path, "--prompt", "a", "--golden", folder.path("g.h5")]),
      to: name)
    let replay = try AssayProcess.run(
      ["replay", "Golden/tiny-llama/float32.h5", "--model", folder.url.path])
    // The golden's recipe has token ids.
    if name != "tokenizer.json" { expectPointer(replay, to: name) }
  }

  @Test func importTellsOfAPointer() throws {
    let folder = try repository()
    try Data(Self.pointer.utf8).write(to: folder.url.appending(path: "x.gguf"))
    expectPointer(
      try AssayProcess.run(["import", folder.path("x.gguf"), folder.path("out")]), to: "x.gguf")
  }

  @Test func nothingIsRecordedInThePlaceOfWhatDVCKeeps() throws {
    let folder = try repository()
    try Data().write(to: folder.url.appending(path: "g.h5.dvc"))
    let outcome = try AssayProcess.run(
      [
        "record", "--model", "Golden/tiny-llama/checkpoint", "--prompt", "a", "--golden",
        folder.path("g.h5"),
      ])
    #expect(outcome.status == 2 && outcome.stderr.contains("g.h5 exists"), "\(outcome.stderr)")
    #expect(!FileManager.default.fileExists(atPath: folder.path("g.h5")))
  }
}
