import Foundation
import Testing

/// `assay replay GOLDEN -- COMMAND`: a program of its own records, `assay` compares.
@Suite struct CommandReplayTests {
  static let record =
    "assay record --model \(RecordTests.checkpoint) --prompt '\(RecordTests.prompt)' --max-tokens 4"
  /// Sets `dir` to where the command's runs belong.
  static let findDirectory =
    #"dir=$(sed 's/.*"output_dir":"\([^"]*\)".*/\1/' "$ASSAY_INTERMEDIATE_LOG_CONFIG_PATH"); "#

  /// Replays a command and checks that no temporary file is left.
  static func replay(
    _ command: String, _ options: String = "", environment: [String: String] = [:]
  ) throws -> AssayProcess.Outcome {
    let temporary = try TemporaryFolder()
    let outcome = try AssayProcess.shell(
      "assay replay \(CompareTests.golden) --rtol 1e-4 --atol 1e-5 \(options) -- \(command)",
      environment: environment.merging(["TMPDIR": temporary.url.path]) { $1 })
    #expect(try FileManager.default.contentsOfDirectory(atPath: temporary.url.path) == [])
    return outcome
  }

  @Test func aRecordingCommandIsCompared() throws {
    let outcome = try Self.replay(Self.record)
    #expect(outcome.status == 0, "\(outcome.stderr)")
    #expect(outcome.stdout.hasPrefix("# Assay comparison: match"))
    #expect(outcome.stdout.contains("560 tensors"))
    #expect(outcome.stdout.contains("| `assay record --model "), "\(outcome.stdout.prefix(600))")
    // The command's own output goes where it does not disturb the report.
    #expect(outcome.stderr.contains("Licensed under the Apache License, Ver"))
  }

  @Test func withAReportFileTheCommandKeepsStandardOutput() throws {
    let folder = try TemporaryFolder()
    let outcome = try Self.replay(Self.record, "--output \(folder.path("report.md"))")
    #expect(outcome.status == 0, "\(outcome.stderr)")
    #expect(outcome.stdout.hasPrefix("Licensed under the Apache License, Ver"))
    #expect(
      try String(contentsOfFile: folder.path("report.md"), encoding: .utf8)
        .hasPrefix("# Assay comparison: match"))
  }

  @Test func whatDiffersLeavesWithStatus1() throws {
    let outcome = try Self.replay(Self.record + " --dtype bfloat16")
    #expect(outcome.status == 1, "\(outcome.stderr)")
  }

  @Test func fewerStepsAreAMismatch() throws {
    let outcome = try Self.replay(Self.record.replacing("--max-tokens 4", with: "--max-tokens 3"))
    #expect(outcome.status == 1, "\(outcome.stderr)")
  }

  @Test func otherWeightsAreRefusedUnlessAllowed() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try EngineReplayTests.otherCheckpoint(in: folder)
    let command = Self.record.replacing(RecordTests.checkpoint, with: checkpoint)
    let refused = try Self.replay(command)
    #expect(refused.status == 2)
    #expect(refused.stderr.contains("--allow-other-weights"), "\(refused.stderr)")
    let allowed = try Self.replay(command, "--allow-other-weights")
    #expect(allowed.status == 1)
    #expect(allowed.stderr.contains("Warning: assay record --model "), "\(allowed.stderr)")
  }

  @Test(arguments: [
    ("sh -c 'exit 3'", "sh left with status 3"),
    ("sh -c 'kill -9 $$'", "sh was ended by signal 9"),
    ("no-such-program --flag", "cannot run no-such-program: No such file"),
    ("true", "true recorded nothing"),
    ("sh -c '\(record) && exit 4'", "sh left with status 4"),
    ("env -u ASSAY_INTERMEDIATE_LOG_CONFIG_PATH true", "env recorded nothing"),
  ])
  func aCommandThatFailsIsNamed(command: String, message: String) throws {
    let command = command.replacing("'\(RecordTests.prompt)'", with: "a")
    let outcome = try Self.replay(command)
    #expect(outcome.status == 2)
    #expect(outcome.stdout.isEmpty)
    #expect(outcome.stderr.contains("Error: \(message)"), "\(outcome.stderr)")
  }

  @Test func twoRunsAreOneTooMany() throws {
    let record = Self.record.replacing("'\(RecordTests.prompt)'", with: "a")
    let outcome = try Self.replay("sh -c '\(record); \(record)'")
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("Error: sh recorded 2 runs"), "\(outcome.stderr)")
  }

  @Test func aRunThatIsNotFinishedIsNotCompared() throws {
    let folder = try TemporaryFolder()
    let script = """
      \(Self.findDirectory) mkdir -p "$dir" && cp -R Golden/tiny-llama/float32 "$dir/run" &&
      sed -i.bak 's/"complete":true/"complete":false/' "$dir/run/run.json"
      """
    try Data(script.utf8).write(to: folder.url.appending(path: "port.sh"))
    let outcome = try Self.replay("sh \(folder.path("port.sh"))")
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("recording was not finished"), "\(outcome.stderr)")
  }

  @Test func aRunInVLLMsLayoutWillDo() throws {
    let folder = try TemporaryFolder()
    let script = """
      \(Self.findDirectory) mkdir -p "$dir" && cp -R Golden/tiny-llama/float32 "$dir/run"
      """
    try Data(script.utf8).write(to: folder.url.appending(path: "port.sh"))
    let outcome = try Self.replay("sh \(folder.path("port.sh"))")
    #expect(outcome.status == 0, "\(outcome.stderr)")
  }

  @Test func aCommandInTheBackgroundIsNotWaitedFor() throws {
    let folder = try TemporaryFolder()
    // Killed here, for the test's own process would wait for all that inherits its files.
    let outcome = try AssayProcess.shell(
      """
      assay replay \(CompareTests.golden) -- sh -c 'sleep 600 & echo $! >\(folder.path("pid"))'
      echo $?
      kill $(cat \(folder.path("pid"))) && echo killed
      """)
    #expect(outcome.stdout == "2\nkilled\n")
    #expect(outcome.stderr.contains("sh recorded nothing"), "\(outcome.stderr)")
  }

  @Test(arguments: [("TERM", 143), ("INT", 130), ("HUP", 129)])
  func aSignalReachesTheCommandAndLeavesNothing(signal: String, status: Int) throws {
    let folder = try TemporaryFolder()
    let temporary = try TemporaryFolder()
    // `assay` is started by a process that does not ignore SIGINT, as a shell's background does.
    let outcome = try AssayProcess.shell(
      """
      (cd \(folder.url.path)
      for i in $(seq 3000); do test -s pid && break; sleep 0.01; done
      kill -\(signal) $(cat assay)) &
      sh -c 'echo $$ >\(folder.path("assay")); exec assay replay \(CompareTests.golden) -- \
      sh -c "echo \\$\\$ >\(folder.path("pid")); exec sleep 600"'
      echo $?
      wait
      kill -0 $(cat \(folder.path("pid"))) 2>/dev/null && echo alive
      exit 0
      """, environment: ["TMPDIR": temporary.url.path])
    #expect(outcome.stdout == "\(status)\n", "\(outcome.stderr)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: temporary.url.path) == [])
  }

  #if os(Linux)
  @Test func controlCAtTheTerminalReachesTheCommand() throws {
    let folder = try TemporaryFolder()
    let temporary = try TemporaryFolder()
    let keyboard = try PseudoTerminal()
    let typist = Thread {
      for _ in 0..<3000 where !FileManager.default.fileExists(atPath: folder.path("ready")) {
        Thread.sleep(forTimeInterval: 0.01)
      }
      try? keyboard.type("\u{03}")
    }
    typist.start()
    // The command counts what reaches it, which must be one SIGINT, not two.
    let script = """
      count=0; trap 'count=$((count + 1))' INT
      cd \(folder.url.path); echo >ready
      for i in $(seq 600); do test $count -gt 0 && break; sleep 0.05; done
      sleep 0.3; echo $count >count; exit 1
      """
    try Data(script.utf8).write(to: folder.url.appending(path: "port.sh"))
    let outcome = try AssayProcess.shell(
      """
      setsid -c -w sh -c 'assay replay \(CompareTests.golden) -- sh \(folder.path("port.sh"))'
      cat \(folder.path("count"))
      """, environment: ["TMPDIR": temporary.url.path], standardInput: keyboard.terminal)
    #expect(outcome.stdout == "1\n", "\(outcome.stderr)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: temporary.url.path) == [])
  }
  #endif
}
