import AssayBase
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// Expects that two runs hold the same, bit for bit.
private func expectEqual(_ left: any RunReader, _ right: any RunReader) throws {
  #expect(left.manifest == right.manifest)
  #expect(left.steps.map(\.index) == right.steps.map(\.index))
  for (a, b) in zip(left.steps, right.steps) {
    #expect(a.calls.map(\.call) == b.calls.map(\.call))
    #expect(a.completionOrder == b.completionOrder && a.isOrderRecorded == b.isOrderRecorded)
    for (x, y) in zip(a.calls, b.calls) {
      #expect(x.descriptions == y.descriptions, "\(x.call)")
      // Of a call that nothing tells the inputs of, there is nothing to cover.
      let hasInputs = x.tensors.contains { $0.key.slot.side == .inputs }
      if hasInputs || x.descriptions[.inputs] != nil {
        #expect(x.inputCoverage == y.inputCoverage, "\(x.call)")
      }
      #expect(Set(x.tensors.map(\.key)) == Set(y.tensors.map(\.key)), "\(x.call)")
      let notes = Dictionary(uniqueKeysWithValues: y.tensors.map { ($0.key, $0.skipped) })
      for record in x.tensors {
        #expect(notes[record.key] == record.skipped)
        guard record.skipped == nil else { continue }
        let (s, t) = (try left.tensor(record.key), try right.tensor(record.key))
        #expect(s.dtype == t.dtype && s.shape == t.shape && s.device == t.device)
        let isEqual = s.withContiguousBytes { s in
          t.withContiguousBytes { t in s.elementsEqual(t) }
        }
        #expect(isEqual, "\(record.key)")
      }
    }
  }
}

@Suite struct CopyRunTests {
  private let golden = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Golden/tiny-llama").path

  @Test(arguments: ["complete", "bare"])
  func plainDumpSurvivesBothLayouts(_ name: String) throws {
    let root = try TemporaryDirectory()
    let source = try DirectoryRunReader(path: PlainDump.directory + "/" + name)
    let file = root.path + "/run.h5"
    try copyRun(
      from: source, to: HDF5RunWriter(path: file, mode: .golden, manifest: source.manifest))
    let hdf5 = try HDF5RunReader(path: file)
    try expectEqual(source, hdf5)
    let directory = root.path + "/back"
    try copyRun(
      from: hdf5, to: DirectoryRunWriter(path: directory, manifest: hdf5.manifest))
    try expectEqual(source, DirectoryRunReader(path: directory))
  }

  /// Two names that differ only in Unicode's spelling, in every place where a name stands.
  @Test func twoSpellingsAreTwoNamesInBothLayouts() throws {
    let root = try TemporaryDirectory()
    let spellings = ["caf\u{E9}", "cafe\u{301}"]
    let calls = spellings.map { CallKey(step: 0, module: $0) }
    let directory = try DirectoryRunWriter(
      path: root.path + "/run", manifest: RunManifest(id: "run"))
    let hdf5 = try HDF5RunWriter(
      path: root.path + "/run.h5", mode: .recording, manifest: RunManifest(id: "run"))
    for writer in [directory, hdf5] as [any RunSink] {
      try writer.receive(.stepBegan(0))
      for (position, call) in calls.enumerated() {
        let value = CapturedValue.dictionary(
          try spellings.enumerated().map {
            ($1, .tensor(try Tensor([Float(10 * position + $0)], dtype: .float32)))
          })
        try writer.receive(
          .captured(
            CallPart(
              call: call, side: .outputs, description: value.description,
              tensors: value.tensors(in: Slot("outputs")).map { .stored($0.slot, $0.tensor) })))
      }
      try writer.receive(.stepEnded(0, calls: calls, completionOrder: [0, 1]))
      try writer.receive(.runEnded(RunManifest(id: "run")))
    }
    let runs: [any RunReader] = [
      try DirectoryRunReader(path: root.path + "/run"),
      try HDF5RunReader(path: root.path + "/run.h5"),
    ]
    for run in runs {
      for (position, call) in calls.enumerated() {
        let record = run.steps[0].calls[position]
        #expect(record.call == call)
        #expect(record.descriptions[.outputs]?.members?["items"]?.members?.count == 2)
        for (index, spelling) in spellings.enumerated() {
          let key = TensorKey(
            CallKey(step: 0, module: call.module, index: 0), device: .cpu,
            slot: Slot("outputs_" + spelling))
          #expect(try run.tensor(key).float32Values() == [Float(10 * position + index)])
        }
      }
    }
    try expectEqual(runs[0], runs[1])
    try copyRun(
      from: runs[0],
      to: HDF5RunWriter(path: root.path + "/2.h5", mode: .golden, manifest: runs[0].manifest))
    try copyRun(
      from: runs[1], to: DirectoryRunWriter(path: root.path + "/2", manifest: runs[1].manifest))
    try expectEqual(HDF5RunReader(path: root.path + "/2.h5"), runs[0])
    try expectEqual(DirectoryRunReader(path: root.path + "/2"), runs[1])
  }

  @Test func whatPyTorchRecordedInBothLayoutsIsTheSame() throws {
    try expectEqual(
      DirectoryRunReader(path: golden + "/bfloat16"), HDF5RunReader(path: golden + "/bfloat16.h5"))
  }

  @Test func progressReachesTheTotal() throws {
    let root = try TemporaryDirectory()
    let source = try DirectoryRunReader(path: PlainDump.directory + "/complete")
    var last: (done: Int, total: Int)?
    try copyRun(
      from: source, to: DirectoryRunWriter(path: root.path + "/copy", manifest: source.manifest)
    ) { last = ($0, $1) }
    #expect(last?.done == 19 && last?.total == 19)
  }

  @Test func unreadableTensorEndsTheConversion() throws {
    let root = try TemporaryDirectory()
    try root.file("run/step_0/a/outputs_cpu.pt", "damaged")
    let source = try DirectoryRunReader(path: root.path + "/run")
    #expect(throws: RunError.self) {
      try copyRun(
        from: source, to: DirectoryRunWriter(path: root.path + "/copy", manifest: source.manifest))
    }
    let copy = try DirectoryRunReader(path: root.path + "/copy")
    #expect(copy.steps.isEmpty && !copy.manifest.isComplete)
  }
}
