import DigitReader
import Foundation
import NDArrays

/// Mistakes that ports make; `PLANTED_BUG=gelu swift test` shows how the tests find one.
public enum PlantedBug: String, CaseIterable {
  /// The activation is the approximation by tanh.
  case gelu
  /// The epsilon of a layer norm is another one.
  case epsilon
  /// One row of a weight is wrong by 5 %.
  case weight
  /// The attention's heads are cut at other places.
  case heads

  /// An unknown name, which must not pass for "no bug".
  public struct Unknown: Error { public let name: String }

  /// Where the mistake is made.
  public var module: String {
    switch self {
    case .gelu: "blocks.0.mlp.act"
    case .epsilon: "blocks.1.norm1"
    case .weight: "blocks.1.mlp.fc2"
    case .heads: "blocks.0.attn"
    }
  }

  public func plant(in model: inout DigitReader) {
    switch self {
    case .gelu: model.blocks[0].mlp.activation.usesTanh = true
    case .epsilon: model.blocks[1].norm1.epsilon = 1e-3
    case .heads: model.blocks[0].attention.headCount = 4
    case .weight:
      let weight = model.blocks[1].mlp.fc2.weight
      model.blocks[1].mlp.fc2.weight = NDArray(
        shape: weight.shape,
        values: weight.values.enumerated().map { $0 / weight.columns == 5 ? $1 * 1.05 : $1 })
    }
  }
}

/// The golden under test, below `Golden/`.
public let golden = "digit-reader/float32"

/// The model under test, with the bug that the environment asks for.
public func digitReader() throws -> DigitReader {
  let package = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
  var model = try DigitReader(
    weights: package.appending(path: "Golden/digit-reader/checkpoint/model.safetensors").path)
  if let name = ProcessInfo.processInfo.environment["PLANTED_BUG"] {
    guard let bug = PlantedBug(rawValue: name) else { throw PlantedBug.Unknown(name: name) }
    bug.plant(in: &model)
  }
  return model
}
