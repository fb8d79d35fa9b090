import AssayCapture
import AssayRuns
import AssayTensors
import Foundation
import Testing

@Suite final class RecordedRowsTests {
  private let root = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path

  deinit { try? FileManager.default.removeItem(atPath: root) }

  @Test func bothLayoutsKeepThem() throws {
    let rows = StepRows(
      layouts: [
        StepRows.Layout(
          shape: [2], spans: [StepRows.Span(request: nil), StepRows.Span(request: 3, position: 7)])
      ], requestIDs: [3: "cmpl-7"])
    var configuration = CaptureConfiguration()
    configuration.outputDirectory = root
    configuration.steps = []
    let recorder = try Recorder(configuration: configuration, manifest: RunManifest(id: "run"))
    let tensor = try Tensor([1, 2, 3, 4, 5, 6] as [Float], dtype: .float32, shape: Shape([2, 3]))
    _ = try recorder.probe.step(rows: rows) { try recorder.probe("norm", tensor) { $0 } }
    _ = try recorder.probe.step { try recorder.probe("norm", tensor) { $0 } }
    try recorder.finish()
    for path in [root + "/run", root + "/run/run.h5"] {
      let run = try openRun(at: path)
      #expect(run.steps.map(\.rows) == [rows, nil], "\(path)")
    }
  }
}
