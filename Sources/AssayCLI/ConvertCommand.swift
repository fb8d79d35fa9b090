import ArgumentParser
import Assay
import Foundation

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert a run between the vLLM directory layout and HDF5, without losing a bit.",
    discussion: """
      DST ending in .h5 or .hdf5 becomes one HDF5 file, anything else a run's directory. Nothing \
      that exists is overwritten. --keep digest makes a small golden of a run that is too big to \
      keep; what the run has as digests already stays so.
      """)

  @Argument(help: "The run to read: a run's directory or an .h5 file.")
  var source: String

  @Argument(help: "The directory or .h5 file to write.")
  var destination: String

  @OptionGroup var keep: KeepOption

  func run() throws {
    guard !GoldenFile(path: destination).exists else {
      throw RunError.alreadyExists(path: destination)
    }
    let reader = try RunLocation.open(source)
    let bar = ProgressBar("converting")
    defer { bar.clear() }
    let keep = keep.keep ?? .full
    var manifest = reader.manifest
    if keep != .full { manifest.configuration = try configuration(of: reader, keeping: keep) }
    try RunConversion.convert(
      from: reader, to: writer(for: manifest), manifest: manifest, keep: keep,
      progress: bar.update(_:of:))
    bar.clear()
    try Console.print(destination)
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

  private func writer(for manifest: RunManifest) throws -> any RunWriter {
    switch URL(filePath: destination).pathExtension.lowercased() {
    case "h5", "hdf5":
      try HDF5RunWriter(path: destination, mode: .golden, manifest: manifest)
    default:
      try DirectoryRunWriter(path: destination, manifest: manifest)
    }
  }
}
