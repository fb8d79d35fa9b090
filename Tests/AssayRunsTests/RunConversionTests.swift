import AssayRuns
import AssayTensors
import Foundation
import Testing

/// Expects that two runs hold the same, bit for bit.
private func expectEqual(_ left: any RunReader, _ right: any RunReader) throws {
  #expect(left.manifest == right.manifest)
  #expect(left.steps.map(\.step) == right.steps.map(\.step))
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

@Suite struct RunConversionTests {
  private let golden = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Golden/tiny-llama").path

  @Test(arguments: ["complete", "bare"])
  func plainDumpSurvivesBothLayouts(_ name: String) throws {
    let root = try TemporaryDirectory()
    let source = try DirectoryRunReader(path: PlainDump.directory + "/" + name)
    let file = root.path + "/run.h5"
    try RunConversion.convert(
      from: source, to: HDF5RunWriter(path: file, mode: .golden, manifest: source.manifest))
    let hdf5 = try HDF5RunReader(path: file)
    try expectEqual(source, hdf5)
    let directory = root.path + "/back"
    try RunConversion.convert(
      from: hdf5, to: DirectoryRunWriter(path: directory, manifest: hdf5.manifest))
    try expectEqual(source, DirectoryRunReader(path: directory))
  }

  @Test func whatPyTorchRecordedInBothLayoutsIsTheSame() throws {
    try expectEqual(
      DirectoryRunReader(path: golden + "/bfloat16"), HDF5RunReader(path: golden + "/bfloat16.h5"))
  }

  @Test func progressReachesTheTotal() throws {
    let root = try TemporaryDirectory()
    let source = try DirectoryRunReader(path: PlainDump.directory + "/complete")
    var last: (done: Int, total: Int)?
    try RunConversion.convert(
      from: source, to: DirectoryRunWriter(path: root.path + "/copy", manifest: source.manifest)
    ) { last = ($0, $1) }
    #expect(last?.done == 19 && last?.total == 19)
  }

  @Test func unreadableTensorEndsTheConversion() throws {
    let root = try TemporaryDirectory()
    try root.file("run/step_0/a/outputs_cpu.pt", "damaged")
    let source = try DirectoryRunReader(path: root.path + "/run")
    #expect(throws: RunError.self) {
      try RunConversion.convert(
        from: source, to: DirectoryRunWriter(path: root.path + "/copy", manifest: source.manifest))
    }
    let copy = try DirectoryRunReader(path: root.path + "/copy")
    #expect(copy.steps.isEmpty && !copy.manifest.isComplete)
  }
}
