import Assay

/// Records a run of any size: in every step calls with one input and one output, float32 vectors of
/// which no two are equal.
///
/// Arguments: `pt` or `hdf5`, steps, tensors of a step, bytes of a tensor, folder, id. The run is in
/// the folder of that id.
@main struct Main {
  static func main() throws {
    let arguments = CommandLine.arguments
    let numbers = arguments.dropFirst(2).prefix(3).compactMap { Int($0) }
    guard arguments.count == 7, let format = CaptureConfiguration.Format(rawValue: arguments[1]),
      numbers.count == 3
    else {
      print("usage: MakeRun pt|hdf5 STEPS TENSORS BYTES FOLDER ID")
      return
    }
    var configuration = CaptureConfiguration()
    configuration.formats = [format]
    configuration.outputDirectory = arguments[5]
    configuration.steps = []
    let recorder = try Recorder(
      configuration: configuration, manifest: RunManifest(id: arguments[6]))
    let probe = recorder.probe
    var number: Float = 0
    func tensor() -> [Float] {
      number += 1
      return (0..<numbers[2] / 4).map { Float($0 % 251) + 1 / number }
    }
    for _ in 0..<numbers[0] {
      try probe.step {
        for call in 0..<numbers[1] / 2 {
          let output = tensor()
          _ = try probe("model.layers.\(call)", tensor()) { _ in output }
        }
      }
    }
    try recorder.finish()
  }
}
