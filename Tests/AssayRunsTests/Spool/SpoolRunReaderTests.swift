import AssayBase
import AssayRuns
import AssayTensors
import Foundation
import Testing

@Suite struct SpoolRunReaderTests {
  let root: TemporaryDirectory

  init() throws { root = try TemporaryDirectory() }

  private func read(_ fixture: SpoolFixture = SpoolFixture()) throws -> SpoolRunReader {
    try fixture.write(to: root.path)
    return try SpoolRunReader(path: root.path)
  }

  private func values(_ reader: any RunReader, _ step: Int, _ slot: String) throws -> [Double] {
    for record in reader.steps where record.index == step {
      for tensor in record.calls.flatMap(\.tensors) where tensor.key.slot == Slot(slot) {
        return try reader.tensor(tensor.key).float64Values()
      }
    }
    Issue.record("no \(slot) in step \(step)")
    return []
  }

  @Test func readsWhatWasRecorded() throws {
    let reader = try read()
    #expect(reader.manifest.id == "run" && reader.manifest.isComplete)
    #expect(reader.manifest.recipe?.tokenIDs == [1])
    #expect(reader.steps.map(\.index) == [0, 3])
    let first = reader.steps[0]
    let span = StepRows.Span(request: 0, position: 0, count: 2)
    #expect(first.rows == StepRows(layouts: [StepRows.Layout(shape: [2], spans: [span])]))
    #expect(reader.steps[1].rows == nil)
    #expect(first.calls.map(\.call.module) == ["a", "a.b"] && first.completionOrder == [1, 0])
    #expect(first.calls[0].descriptions[.outputs] == .null)
    #expect(first.calls[1].descriptions[.inputs] == nil)
    #expect(try values(reader, 0, "outputs") == [1, -2, 0.5])
    let key = first.calls[0].tensors[1].key
    let scalar = try reader.tensor(key)
    #expect(scalar.dtype == .bfloat16 && scalar.shape == .scalar && scalar.float64Values() == [1.5])
    #expect(scalar.device == Device("cuda:0"))
    let skipped = try #require(first.calls[1].tensors[0].skipped)
    #expect(skipped.reason == "too large" && skipped.shape.dimensions == [9, 9])
    #expect(first.calls[1].tensors[1].notRecorded == "a sparse tensor")
    #expect(try values(reader, 3, "outputs_0") == [1, 0])
    #expect(try values(reader, 3, "outputs_1") == [])
    // Two tensors may share bytes, and their place need not be aligned.
    #expect(try values(reader, 3, "outputs_2") == [-2, 0.5])
  }

  @Test func aRunOfEitherLayoutIsMadeOfIt() throws {
    let reader = try read()
    let (file, directory) = (root.path + "/out.h5", root.path + "/out")
    try copyRun(
      from: reader, to: HDF5RunWriter(path: file, mode: .golden, manifest: reader.manifest))
    try copyRun(
      from: reader, to: DirectoryRunWriter(path: directory, manifest: reader.manifest))
    let copies: [any RunReader] = [
      try HDF5RunReader(path: file), try DirectoryRunReader(path: directory),
    ]
    for copy in copies {
      // Also what only the recorder knows of its provenance and recipe.
      #expect(copy.manifest == reader.manifest)
      #expect(copy.steps.map(\.completionOrder) == [[1, 0], [0]])
      #expect(try values(copy, 0, "outputs") == [1, -2, 0.5])
      #expect(try values(copy, 3, "outputs_2") == [-2, 0.5])
      #expect(copy.steps[0].calls[1].tensors[1].notRecorded == "a sparse tensor")
    }
    let text = try String(contentsOfFile: directory + "/run.json", encoding: .utf8)
    #expect(text.contains(#""engine":{"name":"x"}"#) && text.contains(#""engine":"x""#))
  }

  @Test func directoryOfASpoolIsARunAlsoBesideWhatIsMadeOfIt() throws {
    try SpoolFixture().write(to: try root.directory("runs/run"))
    try root.file("runs/run/run.json", "{")
    for path in ["runs/run", "runs"] {
      let reader = try openRun(at: root.path + "/" + path)
      #expect(reader is SpoolRunReader && reader.manifest.id == "run")
    }
  }

  @Test func aRecordingUnderWayHasTheStepsThatEnded() throws {
    var fixture = SpoolFixture()
    fixture.steps = SpoolFixture.first + "\n" + SpoolFixture.second
    let reader = try read(fixture)
    #expect(!reader.manifest.isComplete && reader.steps.map(\.index) == [0])
    fixture.steps = ""
    #expect(try read(fixture).steps.isEmpty)
  }

  // MARK: Damage

  @Test(arguments: [
    "{", "[]", "null", "1", "", #"{"step":0}"#, #"{"complete":false}"#, #"{"complete":1}"#,
    SpoolFixture.step(number: "-1"), SpoolFixture.step(number: "0.5"),
    SpoolFixture.step(number: "9223372036854775808"), SpoolFixture.step(order: "[]"),
    SpoolFixture.step(order: "[1]"), SpoolFixture.step(order: "[0,0]"),
    SpoolFixture.step(order: "[-1]"),
    SpoolFixture.step(tensor: SpoolFixture.stored + "," + SpoolFixture.stored),
    SpoolFixture.first.replacing(#""module":"a.b""#, with: #""module":"a""#),
    SpoolFixture.step(tensor: SpoolFixture.stored.replacing("[3]", with: "[4]")),
    SpoolFixture.step(tensor: SpoolFixture.stored.replacing("[3]", with: "[-3]")),
    SpoolFixture.step(
      tensor: SpoolFixture.stored.replacing("[3]", with: "[4611686018427387904,4]")),
    SpoolFixture.step(tensor: SpoolFixture.stored.replacing("\"bytes\":12", with: "\"bytes\":-12")),
    SpoolFixture.step(
      tensor: SpoolFixture.stored.replacing("\"offset\":0", with: "\"offset\":-1")),
    SpoolFixture.step(
      tensor: SpoolFixture.stored.replacing(
        "\"offset\":0", with: "\"offset\":9223372036854775807")),
    SpoolFixture.step(tensor: SpoolFixture.stored.replacing("float32", with: "float33")),
    SpoolFixture.step(tensor: SpoolFixture.stored.replacing(",\"bytes\":12", with: "")),
    SpoolFixture.step(
      tensor: SpoolFixture.stored.replacing("\"bytes\":12", with: "\"skipped\":true")),
    SpoolFixture.end + "\n" + SpoolFixture.first, SpoolFixture.end + "\n" + SpoolFixture.end,
    SpoolFixture.first + "\n" + SpoolFixture.first,
    SpoolFixture.second + "\n" + SpoolFixture.first,
  ])
  func badLineIsAnError(_ text: String) throws {
    var fixture = SpoolFixture()
    fixture.steps = text + "\n"
    let error = #expect(throws: RunError.self) { try read(fixture) }
    #expect("\(try #require(error))".contains(root.path + "/steps.jsonl"))
  }

  @Test func errorNamesTheLine() throws {
    var fixture = SpoolFixture()
    fixture.steps = SpoolFixture.first + "\n{\n"
    let error = #expect(throws: RunError.self) { try read(fixture) }
    #expect("\(try #require(error))".contains("line 2: "))
  }

  /// No argument: logs print those whole.
  @Test func deepLineIsAnError() throws {
    try badLineIsAnError(String(repeating: "[", count: 100_000))
  }

  @Test func missingAndForeignFilesAreErrors() throws {
    for name in ["spool.json", "steps.jsonl", "tensors.bin"] {
      try SpoolFixture().write(to: root.path)
      try FileManager.default.removeItem(atPath: root.path + "/" + name)
      let error = #expect(throws: RunError.self) { try SpoolRunReader(path: root.path) }
      #expect("\(try #require(error))".contains(name))
    }
    var fixture = SpoolFixture()
    fixture.manifest = fixture.manifest.replacing("spool/1", with: "spool/2")
    #expect(throws: RunError.self) { try read(fixture) }
  }

  @Test func everyTruncationIsAnErrorOrWhatWasRecorded() throws {
    let whole = SpoolFixture()
    for count in 0..<whole.manifest.utf8.count - 1 {
      var cut = whole
      cut.manifest = String(decoding: whole.manifest.utf8.prefix(count), as: UTF8.self)
      #expect(throws: RunError.self) { try read(cut) }
    }
    let firstEnd = SpoolFixture.first.utf8.count + 1
    let secondEnd = firstEnd + SpoolFixture.second.utf8.count + 1
    for count in 0..<whole.steps.utf8.count {
      var cut = whole
      cut.steps = String(decoding: whole.steps.utf8.prefix(count), as: UTF8.self)
      let reader = try read(cut)
      #expect(!reader.manifest.isComplete)
      #expect(
        reader.steps.map(\.index) == (count >= secondEnd ? [0, 3] : count >= firstEnd ? [0] : []))
    }
    for count in 0..<whole.tensors.count {
      var cut = whole
      cut.tensors = Array(whole.tensors.prefix(count))
      let reader = try read(cut)
      let ends = [
        (0, "outputs", 12, [1, -2, 0.5]), (0, "outputs_1", 66, [1.5]),
        (3, "outputs_0", 130, [1, 0]),
        (3, "outputs_1", 130, []), (3, "outputs_2", 12, [-2, 0.5]),
      ]
      for (step, slot, end, expected) in ends {
        if count >= end {
          #expect(try values(reader, step, slot) == expected)
        } else {
          #expect(throws: RunError.self) { try values(reader, step, slot) }
        }
      }
    }
  }

  @Test func mutantsAreErrorsOrRunsWhoseTensorsFit() throws {
    let whole = Array(SpoolFixture().steps.utf8)
    try SpoolFixture().write(to: root.path)
    for position in whole.indices {
      for byte in [UInt8(ascii: "9"), UInt8(ascii: "\n"), 0xFF] where byte != whole[position] {
        var mutant = whole
        mutant[position] = byte
        try Data(mutant).write(to: URL(filePath: root.path + "/steps.jsonl"))
        guard let reader = try? SpoolRunReader(path: root.path) else { continue }
        for record in reader.steps.flatMap(\.calls).flatMap(\.tensors) where record.isStored {
          guard let tensor = try? reader.tensor(record.key) else { continue }
          #expect(tensor.byteCount == tensor.shape.elementCount * tensor.dtype.byteCount)
        }
      }
    }
  }
}
