import ArgumentParser
import Assay
import Foundation

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert a run between the vLLM directory layout and HDF5, without losing a bit.",
    discussion: """
      DST ending in .h5 or .hdf5 becomes one HDF5 file, anything else a run's directory. Nothing \
      that exists is overwritten.
      """)

  @Argument(help: "The run to read: a run's directory or an .h5 file.")
  var source: String

  @Argument(help: "The directory or .h5 file to write.")
  var destination: String

  func run() throws {
    guard !FileManager.default.fileExists(atPath: destination) else {
      throw RunError.alreadyExists(path: destination)
    }
    let reader = try RunLocation.open(source)
    let bar = ProgressBar("converting")
    defer { bar.clear() }
    try RunConversion.convert(
      from: reader, to: writer(for: reader.manifest), progress: bar.update(_:of:))
    bar.clear()
    try Console.print(destination)
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
