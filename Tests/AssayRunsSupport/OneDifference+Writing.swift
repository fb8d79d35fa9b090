package import AssayRuns
import Foundation

extension OneDifference {
  /// How a run is kept.
  package enum Layout: String, CaseIterable, Sendable { case memory, directory, golden, recording }

  /// The actual run, of which a file may be cut.
  ///
  /// - Throws: What opening it throws.
  package func openActual(
    as layout: Layout, in folder: String, using generator: inout CaseGenerator
  ) throws -> any RunReader {
    if kind == .lostBytes {
      var memory = try actual.reader(path: "actual")
      if let last = actual.entries.last { memory.lose(last.key) }
      return memory
    }
    let run = try write(actual, as: layout, to: "\(folder)/actual", keep: actualKeep)
    guard isCut else { return try run ?? openRun(at: "\(folder)/actual") }
    try cut("\(folder)/actual", using: &generator)
    return try openRun(at: "\(folder)/actual")
  }

  /// The expected run.
  package func openExpected(as layout: Layout, in folder: String) throws -> any RunReader {
    try write(expected, as: layout, to: "\(folder)/expected", keep: expectedKeep)
      ?? openRun(at: "\(folder)/expected")
  }

  /// A layout in which the case can be.
  package func layout(using generator: inout CaseGenerator, isActual: Bool) -> Layout {
    switch kind {
    case .lostBytes where isActual: .memory
    case .cutTensorFile where isActual, .cutManifest where isActual: .directory
    case .cutFile where isActual: .random(using: &generator) ? .golden : .recording
    // Writers finish what they write.
    case .cutRun: .memory
    default: Layout.allCases.randomElement(using: &generator) ?? .memory
    }
  }

  private func write(
    _ run: RandomRun, as layout: Layout, to path: String, keep: TensorKeep
  ) throws -> (any RunReader)? {
    let memory = try run.reader(path: path)
    let manifest = RunManifest(id: "run", isComplete: run.isComplete)
    let sink: any RunSink
    switch layout {
    case .memory where keep == .full: return memory
    case .memory, .directory: sink = try DirectoryRunWriter(path: path, manifest: manifest)
    case .golden: sink = try HDF5RunWriter(path: path, mode: .golden, manifest: manifest)
    case .recording: sink = try HDF5RunWriter(path: path, mode: .recording, manifest: manifest)
    }
    try copyRun(from: memory, to: sink, manifest: manifest, keep: keep)
    return nil
  }

  /// Makes a file shorter.
  private func cut(_ path: String, using generator: inout CaseGenerator) throws {
    var file = path
    if kind == .cutManifest { file += "/run.json" }
    if kind == .cutTensorFile {
      let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
      let tensors = names.filter { $0.hasSuffix(".pt") }.sorted()
      file += "/" + (tensors.randomElement(using: &generator) ?? "")
    }
    let data = try Data(contentsOf: URL(filePath: file))
    // As a file of its own: what was linked to it stays whole.
    try FileManager.default.removeItem(atPath: file)
    // A manifest without the newline at its end is whole.
    let whole = kind == .cutManifest ? data.count - 1 : data.count
    try data.prefix(.random(in: 0..<whole, using: &generator)).write(to: URL(filePath: file))
  }
}
