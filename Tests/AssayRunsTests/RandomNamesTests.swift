import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

/// Names of whatever bytes chance makes: what is written under a name is read under it alone.
@Suite struct RandomNamesTests {
  /// Spellings of one character, what names on disk and in paths mean, and what cannot be seen.
  private static let pieces = [
    "a", "A", "\u{E9}", "e\u{301}", "\u{C5}", "A\u{30A}", "\u{212B}", "ﬁ", "fi", ".", "..", "/",
    "%", "%2F", "%2f", "%25", "\\", "~", "~2", "_", "_0", "_1", "call_0", "cpu", "step_0",
    ".calls", "outputs", "\n", "\r", "\t", " ", "\0", "\u{1}", "\u{7F}", "\u{FEFF}", "\u{200B}",
    "\u{202E}", "\u{FFFD}", "\u{FFFF}", "\u{1F469}\u{200D}\u{1F52C}", "\"", "'", ":", "*", "|",
    "run.json", "module_calls.txt", "outputs_cpu.pt", ".pt",
  ]

  private static func name(_ generator: inout CaseGenerator) -> String {
    let length = Int.random(in: 1...5, using: &generator)
    let name = (0..<length).map { _ in pieces[Int.random(in: pieces.indices, using: &generator)] }
      .joined()
    // Longer than a file's name may be.
    return Int.random(in: 0..<20, using: &generator) == 0
      ? String(repeating: name, count: 100) : name
  }

  @Test(arguments: cases) func everyNameIsItself(seed: UInt64) throws {
    var generator = CaseGenerator(seed: seed, case: 0)
    var run = InMemoryRun(path: "random")
    var values: [TensorKey: Float] = [:]
    for _ in 0..<Int.random(in: 1...12, using: &generator) {
      let module = Self.name(&generator)
      let slot = "outputs_" + Self.name(&generator)
      let call = CallKey(
        step: 0, module: module, index: Int.random(in: 0...2, using: &generator))
      let key = TensorKey(call, device: .cpu, slot: Slot(slot))
      guard values[key] == nil else { continue }
      values[key] = Float(values.count)
      run.add(
        try Tensor([Float(values.count - 1)], dtype: .float32), module, call: call.index, slot)
    }
    let root = try TemporaryDirectory()
    let (file, directory) = (root.path + "/run.h5", root.path + "/run")
    try copyRun(from: run, to: HDF5RunWriter(path: file, mode: .golden, manifest: run.manifest))
    try copyRun(from: run, to: DirectoryRunWriter(path: directory, manifest: run.manifest))
    for path in [file, directory] {
      let read = try openRun(at: path)
      let tensors = read.steps.flatMap(\.calls).flatMap(\.tensors)
      #expect(tensors.count == values.count, "\(path)")
      for tensor in tensors {
        #expect(try read.tensor(tensor.key).float32Values() == values[tensor.key].map { [$0] })
      }
    }
  }

  private static var cases: ClosedRange<UInt64> {
    let variables = ProcessInfo.processInfo.environment
    let first = variables["ASSAY_SEED"].flatMap(UInt64.init) ?? 1
    return first...first + (variables["ASSAY_CASES"].flatMap(UInt64.init) ?? 60)
  }
}
