import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Hostile files through the built binary: an error that names the file, and exit status 2.
@Suite struct HostileInputTests {
  private static let small = "Golden/tiny-llama/checkpoint"

  @Test(arguments: ["x", "x.pt", "x.h5", "x.safetensors"])
  func inspectDoesNotWaitAtAFIFO(name: String) throws {
    let folder = try TemporaryFolder()
    #expect(mkfifo(folder.path(name), 0o600) == 0)
    let outcome = try AssayProcess.run(["inspect", folder.path(name)])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains(name))
    #expect(outcome.stderr.contains("not a regular file"))
  }

  /// Of `HDF5DamageTests`, on which libhdf5 1.10 crashes; another one may refuse it.
  @Test(arguments: ["inspect", "check", "compare"])
  func aCrashOfLibhdf5IsASentence(command: String) throws {
    let path = "Tests/AssayRunsTests/Fixtures/hdf5/foreign/crashing.damaged"
    let arguments = command == "compare" ? ["--dir1", path, "--dir2", path] : [path]
    let outcome = try AssayProcess.run([command] + arguments)
    #expect(outcome.status == 2)
    #expect(outcome.stderr.hasPrefix("Error: \(path) is damaged: libhdf5 "))
    #expect(outcome.stderr.split(separator: "\n").count == 1)
  }

  @Test func recordDoesNotWaitAtAFIFO() throws {
    let folder = try TemporaryFolder()
    let checkpoint = AssayProcess.packageRoot.appending(path: HostileInputTests.small)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        at: checkpoint.appending(path: name), to: folder.url.appending(path: name))
    }
    #expect(mkfifo(folder.path("tokenizer.json"), 0o600) == 0)
    let outcome = try AssayProcess.run(
      ["record", "--model", folder.url.path, "--prompt", "a", "--golden", folder.path("g.h5")])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("tokenizer.json: not a regular file"))
  }

  @Test func skippedTensorsMayClaimAnySize() throws {
    let folder = try TemporaryFolder()
    let call = folder.url.appending(path: "step_0/a")
    try FileManager.default.createDirectory(at: call, withIntermediateDirectories: true)
    let note = Data(
      #"{"type":"tensor","shape":[140737488355328],"dtype":"torch.complex128","skipped":"x"}"#.utf8)
    let first = call.appending(path: "outputs_0_cpu.json")
    try note.write(to: first)
    for i in 1..<4200 {
      try FileManager.default.linkItem(at: first, to: call.appending(path: "outputs_\(i)_cpu.json"))
    }
    let outcome = try AssayProcess.run(["inspect", folder.url.path])
    #expect(outcome.status == 0)
    #expect(outcome.stdout.hasSuffix("4200 tensors, 0 bytes\n"))
  }

  @Test func compareNamesTheTensorThatCannotBeRead() throws {
    let folder = try TemporaryFolder()
    let call = folder.url.appending(path: "step_0/a")
    try FileManager.default.createDirectory(at: call, withIntermediateDirectories: true)
    try Data("PK".utf8).write(to: call.appending(path: "outputs_cpu.pt"))
    let outcome = try AssayProcess.run(
      ["compare", "--dir1", folder.url.path, "--dir2", folder.url.path])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("Error: a tensor could not be read: "))
    #expect(outcome.stderr.contains("step_0/a/outputs_cpu.pt"))
  }

  @Test func aBadConfigurationFileIsNamed() throws {
    let folder = try TemporaryFolder()
    try Data(#"{"log_step_ids":[0],}"#.utf8).write(to: folder.url.appending(path: "capture.json"))
    let outcome = try AssayProcess.run([
      "record", "--model", HostileInputTests.small, "--prompt-token-ids", "1",
      "--intermediate-log-config-path", folder.path("capture.json"),
    ])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("capture.json: "))
    #expect(outcome.stderr.contains("not valid JSON"))
  }
}
