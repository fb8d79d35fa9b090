import AssayBase
import AssayCheckpoints
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// What llama.cpp's and Hugging Face's packages wrote, see the scripts beside it.
enum Fixture {
  static func path(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/" + name).path
  }

  /// One tensor of a safetensors file of the fixtures.
  static func tensor(_ name: String, in file: String) throws -> Tensor {
    let file = try SafetensorsFile(path: path(file + ".safetensors"))
    return try #require(file.tensors.first { $0.name == name }?.tensor, "\(name)")
  }
}

/// A directory that a test may fill; removed when the test lets go of it.
final class Scratch {
  private let folder: ScratchFolder
  var path: String { folder.path }

  init() throws { folder = try ScratchFolder("assay-checkpoints") }

  deinit { folder.remove() }

  func write(_ name: String, _ data: Data) throws {
    try data.write(to: URL(filePath: path + "/" + name))
  }
}
