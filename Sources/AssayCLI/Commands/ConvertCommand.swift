import ArgumentParser
import Assay
import AssayRuns
import Foundation

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert a run to the vLLM directory layout or HDF5, without losing a bit.",
    discussion: """
      SRC may be of either layout, a dump of SGLang, a fixture (.safetensors, .npz or .npy), or a spool, as assay_torch records it; one that was cut gives the \
      steps that ended. DST ending in .h5 or .hdf5 becomes one HDF5 file, anything else a run's directory. Nothing \
      that exists is overwritten. --keep digest makes a small golden of a run that is too big to \
      keep; what the run has as digests already stays so. --virtual makes one small .h5 of the ranks of a \
      distributed run, whose elements stay in the ranks' .h5 files: in the folder of DST or below.
      """)

  @Argument(help: "The run to read: a run's directory, an .h5 file or a fixture.")
  var source: String

  @Argument(help: "The directory or .h5 file to write.")
  var destination: String

  @OptionGroup var keep: KeepOption

  @OptionGroup var placementsOption: PlacementsOption

  @Flag(
    help: """
      Of a group of ranks, write virtual datasets, which refer to the ranks' files; of a file with \
      such datasets, read them, from files in its folder and below.
      """)
  var virtual = false

  func run() throws {
    let placements = try placementsOption.read()
    let reader = try openRun(at: source, placements: placements, readsVirtual: virtual)
    try placementsOption.check(placements, areFor: [reader])
    try refuseExisting()
    let keep = keep.keep ?? .full
    try checkVirtual(reader, keep)
    var manifest = reader.manifest
    if keep != .full { manifest.configuration = try configuration(of: reader, keeping: keep) }
    // Whatever happens, the destination is a whole run or not there.
    let scratch = try ScratchFolder(beside: destination)
    defer { scratch.remove() }
    let relay = try SignalRelay { scratch.remove() }
    let written = scratch.path + "/" + (isHDF5 ? "run.h5" : "run")
    do {
      try relay.doing {
        try convert(reader, manifest, keep, to: written)
        guard try FileSystem.renameToNew(written, to: destination) else {
          throw RunError.alreadyExists(path: destination)
        }
      }
    } catch FileError.unwritable(let path, let reason) {
      throw FileError.unwritable(path: path.replacing(written, with: destination), reason: reason)
    } catch RunError.writeFailed(let path, let reason) {
      throw RunError.writeFailed(
        path: path.replacing(written, with: destination), reason: reason)
    }
    if !reader.manifest.isComplete {
      Console.complain(
        "note: \(source) was not recorded to its end; so is \(destination), of "
          + "\(reader.steps.count) \(reader.steps.count == 1 ? "step" : "steps")")
    }
    try Console.print(destination)
  }

  private func checkVirtual(_ reader: any RunReader, _ keep: TensorKeep) throws {
    guard virtual, !(reader is HDF5RunReader) else { return }
    guard reader is RankGroup else {
      throw RunError.unsupported(
        path: source, reason: "--virtual is for the ranks of a group, or a file made of them")
    }
    guard isHDF5, keep == .full else {
      throw RunError.unsupported(
        path: destination,
        reason: "--virtual makes an .h5 or .hdf5 file that keeps all elements in other files")
    }
  }

  private func refuseExisting() throws {
    guard !GoldenFile(path: destination).exists else {
      throw RunError.alreadyExists(path: destination)
    }
  }

  private func convert(
    _ reader: any RunReader, _ manifest: RunManifest, _ keep: TensorKeep, to path: String
  ) throws {
    let writer: any RunSink =
      isHDF5
      ? try HDF5RunWriter(
        path: path, mode: .golden, manifest: manifest,
        virtual: virtual
          ? try (reader as? RankGroup).map { try VirtualTensors($0, beside: destination) } : nil)
      : try DirectoryRunWriter(path: path, manifest: manifest)
    let bar = ProgressBar("converting")
    defer { bar.clear() }
    try copyRun(
      from: reader, to: writer, manifest: manifest, keep: keep, progress: bar.update(_:of:))
  }

  private var isHDF5: Bool {
    ["h5", "hdf5"].contains(URL(filePath: destination).pathExtension.lowercased())
  }

  /// The run's configuration with what is now kept: a replay that is recorded anew follows it.
  private func configuration(of reader: any RunReader, keeping keep: TensorKeep) throws -> JSONValue
  {
    var configuration = try Replay.configuration(for: reader)
    if let value = reader.manifest.configuration, value != .null {
      configuration = try CaptureConfiguration(value)
    }
    configuration.keep = keep
    return configuration.jsonValue
  }
}
