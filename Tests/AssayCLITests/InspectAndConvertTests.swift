import Foundation
import Testing

/// `assay inspect` and `assay convert` on what PyTorch and h5py wrote.
@Suite struct InspectAndConvertTests {
  struct Listing: Decodable {
    struct Row: Decodable, Hashable {
      var step: Int?
      var module: String?
      var call: Int?
      var device: String
      var slot: String
      var dtype: String
      var shape: [Int]
      var sha256: String?
    }
    var tensors: [Row]
  }

  static func inspect(_ path: String, _ more: String...) throws -> Listing {
    let outcome = try AssayProcess.run(["inspect", path, "--format", "json"] + more)
    try #require(outcome.status == 0, "\(outcome.stderr)")
    return try JSONDecoder().decode(Listing.self, from: Data(outcome.stdout.utf8))
  }

  @Test(arguments: ["float32", "bfloat16"])
  func convertingThereAndBackLosesNothing(dtype: String) throws {
    let folder = try TemporaryFolder()
    let source = "Golden/tiny-llama/\(dtype)"
    let (file, back) = (folder.path("run.h5"), folder.path("back"))
    for (from, to) in [(source, file), (file, back)] {
      let outcome = try AssayProcess.run(["convert", from, to])
      #expect(outcome.status == 0, "\(outcome.stderr)")
    }
    let original = Set(try Self.inspect(source).tensors)
    #expect(original.count > 500)
    #expect(Set(try Self.inspect(file).tensors) == original)
    #expect(Set(try Self.inspect(back).tensors) == original)
    #expect(Set(try Self.inspect("\(source).h5").tensors) == original)
    for name in ["module_calls.txt", "model.layers.0/inputs.json", "model/outputs.json"] {
      let path = "/step_0/" + name
      let root = AssayProcess.packageRoot.path + "/"
      #expect(
        try String(contentsOfFile: back + path, encoding: .utf8)
          == String(contentsOfFile: root + source + path, encoding: .utf8))
    }
  }

  @Test func nothingIsOverwritten() throws {
    let folder = try TemporaryFolder()
    let target = folder.path("there.h5")
    try Data("mine".utf8).write(to: URL(filePath: target))
    let outcome = try AssayProcess.run(["convert", CompareTests.directory, target])
    #expect(outcome.status == 2)
    #expect(try String(contentsOfFile: target, encoding: .utf8) == "mine")
  }

  @Test(arguments: ["new", "new.h5"]) func whatFailsHalfWayLeavesNothing(name: String) throws {
    let folder = try TemporaryFolder()
    let copy = folder.path("run")
    try FileManager.default.copyItem(
      at: AssayProcess.packageRoot.appending(path: CompareTests.directory), to: URL(filePath: copy))
    let last = try #require(Self.inspect(copy).tensors.last)
    let module = try #require(last.module)
    for step in try FileManager.default.contentsOfDirectory(atPath: copy)
    where step.hasPrefix("step_") {
      try Data("damaged".utf8).write(
        to: URL(filePath: "\(copy)/\(step)/\(module)/\(last.slot)_cpu.pt"))
    }
    let outcome = try AssayProcess.run(["convert", copy, folder.path(name)])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains(module), "\(outcome.stderr)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["run"])
  }

  /// A run that takes seconds to convert: one step under many names.
  private func longRun(stepCount: Int = 60) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let run = folder.url.appending(path: "run")
    try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
    let step = AssayProcess.packageRoot.appending(path: CompareTests.directory + "/step_0")
    for number in 0..<stepCount {
      try FileManager.default.createSymbolicLink(
        at: run.appending(path: "step_\(number)"), withDestinationURL: step)
    }
    return folder
  }

  @Test(arguments: ["new", "new.h5"], [("INT", 130), ("TERM", 143)])
  func whatIsInterruptedLeavesNothing(name: String, signal: (name: String, status: Int)) throws {
    let folder = try longRun()
    // Not before the folder of what is being written has something in it.
    let outcome = try AssayProcess.shell(
      """
      (for i in $(seq 3000); do
        test -n "$(ls -A .assay-*/ 2>/dev/null)" && echo begun && break; sleep 0.01
      done
      kill -\(signal.name) $(cat pid); rm pid) &
      sh -c 'echo $$ >pid; exec assay convert run \(name)'
      echo $?; wait
      """, in: folder.url)
    #expect(outcome.stdout == "begun\n\(signal.status)\n", "\(outcome.stderr)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["run"])
  }

  @Test(arguments: ["new", "new.h5"])
  func whatTheDiskDoesNotTakeLeavesNothing(name: String) throws {
    let folder = try longRun(stepCount: 1)
    // No file may be longer than this.
    let outcome = try AssayProcess.shell(
      "trap '' XFSZ; ulimit -f 2; exec assay convert run \(name)", in: folder.url)
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("cannot write \(name)"), "\(outcome.stderr)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["run"])
  }

  @Test func inspectShowsOneModule() throws {
    let rows = try Self.inspect(CompareTests.golden, "--module", #"^model\.norm$"#).tensors
    #expect(rows.count == 8)
    #expect(rows.allSatisfy { $0.module == "model.norm" && $0.dtype == "torch.float32" })
  }

  @Test func inspectListsASafetensorsFile() throws {
    let rows = try Self.inspect("Golden/tiny-llama/checkpoint/model.safetensors").tensors
    #expect(rows.contains { $0.slot == "model.norm.weight" && $0.shape == [64] })
  }

  private struct OddListing: Decodable {
    struct Row: Decodable {
      var slot: String
      var module: String?
      var dtype: String?
      var unreadable: String?
    }
    var tensors: [Row]
  }

  private static let torchFixtures = AssayProcess.packageRoot.appending(
    path: "Tests/AssayTorchTests/Fixtures")

  /// Of a file of 13 odd members and 3 tensors every one is listed.
  @Test func oddMembersAreListedWithTheirReasons() throws {
    let path = Self.torchFixtures.appending(path: "odd_protocol2.pt").path
    let outcome = try AssayProcess.run(["inspect", path, "--format", "json"])
    #expect(outcome.status == 0, "\(outcome.stderr)")
    let rows = try JSONDecoder().decode(OddListing.self, from: Data(outcome.stdout.utf8)).tensors
    #expect(rows.filter { $0.dtype != nil }.map(\.slot) == ["before", "list_1", "after"])
    #expect(rows.count { $0.unreadable != nil } == 13)
    #expect(rows.first { $0.slot == "sparse" }?.unreadable == "it holds a sparse tensor")
    let text = try AssayProcess.run(["inspect", path])
    #expect(text.stdout.contains("unreadable: it holds a tensor on the meta device"))
    #expect(text.stdout.contains("16 tensors, 60 bytes; 13 cannot be read"))
  }

  @Test func safetensorsOfAnotherKindAreListed() throws {
    let folder = try TemporaryFolder()
    let header =
      #"{"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]},"#
      + #""b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}"#
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    let path = folder.path("odd.safetensors")
    try (length + Data(header.utf8) + Data(count: 5)).write(to: URL(filePath: path))
    let outcome = try AssayProcess.run(["inspect", path, "--format", "json"])
    #expect(outcome.status == 0, "\(outcome.stderr)")
    let rows = try JSONDecoder().decode(OddListing.self, from: Data(outcome.stdout.utf8)).tensors
    #expect(rows.map(\.slot) == ["b", "a"])
    #expect(rows.last?.unreadable?.contains("F6_E2M3") == true)
  }

  /// A dump with one tensor that is sparse: the others are listed and compared.
  @Test func anOddTensorOfARunIsUnreadableAlone() throws {
    let folder = try TemporaryFolder()
    let copy = folder.path("run")
    try FileManager.default.copyItem(
      at: AssayProcess.packageRoot.appending(path: CompareTests.directory), to: URL(filePath: copy))
    let victim = copy + "/step_1/model.norm/outputs_cpu.pt"
    try FileManager.default.removeItem(atPath: victim)
    try FileManager.default.copyItem(
      atPath: Self.torchFixtures.appending(path: "sparse.pt").path, toPath: victim)
    let inspected = try AssayProcess.run(["inspect", copy, "--format", "json"])
    #expect(inspected.status == 2)
    #expect(inspected.stderr.contains("1 of the tensors of \(copy) cannot be read"))
    let rows = try JSONDecoder().decode(OddListing.self, from: Data(inspected.stdout.utf8)).tensors
    let unreadable = rows.filter { $0.unreadable != nil }
    #expect(unreadable.map(\.module) == ["model.norm"] && rows.count > 500)
    #expect(unreadable.first?.unreadable?.contains("a sparse tensor") == true)
    let compared = try AssayProcess.run(
      ["compare", "--dir1", copy, "--dir2", CompareTests.golden, "--format", "json"])
    #expect(compared.status == 2)
    #expect(compared.stdout.contains(#""unreadable":1"#), "\(compared.stdout.prefix(2000))")
    #expect(compared.stdout.contains("a sparse tensor"))
  }

  /// SGLang's ranks with dims, one of which no placement can say.
  @Test func aTensorWithoutAPlacementIsListedWithTheReason() throws {
    let dump = "Tests/AssayRunsTests/Fixtures/sglang/ranks/dump_2"
    let inspected = try AssayProcess.run(["inspect", dump])
    #expect(inspected.status == 2)
    for part in ["hidden", "[8,1,2]", "logits", #"its dims "s[sp,cp] b h": cp cuts s within"#] {
      #expect(inspected.stdout.contains(part), "\(inspected.stdout)")
    }
    let compared = try AssayProcess.run(["compare", dump, dump, "--summary"])
    #expect(compared.status == 1)
    #expect(
      compared.stdout.contains(
        "of its tensors 2 joined of the ranks' parts, 1 without a declared placement"),
      "\(compared.stdout)")
  }

  @Test func truncatedFilesAreErrors() throws {
    let folder = try TemporaryFolder()
    let root = AssayProcess.packageRoot
    for name in [
      "Golden/tiny-llama/float32.h5", "Golden/tiny-llama/checkpoint/model.safetensors",
      "Golden/tiny-llama/float32/step_0/model.norm/outputs_cpu.pt",
    ] {
      let whole = try Data(contentsOf: root.appending(path: name))
      let copy = folder.url.appending(path: URL(filePath: name).lastPathComponent)
      for length in [0, 1, 7, 64, whole.count / 3, whole.count / 2, whole.count - 1] {
        try whole.prefix(length).write(to: copy)
        let outcome = try AssayProcess.run(["inspect", copy.path, "--format", "json"])
        #expect(outcome.status == 2, "\(name) cut at \(length)")
        #expect(outcome.stderr.contains(copy.lastPathComponent), "\(outcome.stderr)")
      }
    }
  }
}
