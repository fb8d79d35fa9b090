internal import AssayBase
internal import AssayTensors

/// The names of the schema `assay.hdf5/1`, which `Golden/README.md` describes.
enum HDF5Schema {
  static let name = "assay.hdf5/1"
  static let schema = "assay_schema"
  static let id = "id"
  static let complete = "complete"
  static let provenance = "provenance"
  static let recipe = "recipe"
  static let configuration = "configuration"
  static let calls = ".calls"
  static let device = "device"

  /// The longest text that is an attribute; a longer one is a dataset.
  static let attributeByteLimit = 32_768

  /// The name of the dataset that holds a text too long for an attribute.
  static func dataset(for text: String) -> String { "." + text }

  static func step(_ step: Int) -> String { "step_\(step)" }

  static func call(_ call: Int) -> String { "call_\(call)" }

  /// The names of links that lead from the root to a tensor.
  static func names(of key: TensorKey) -> [String] {
    [
      step(key.step), DiskName.encode(key.module), call(key.call.index),
      DiskName.encode(key.device.pathName), DiskName.encode(key.slot.rawValue),
    ]
  }

  /// The number in `step_3` or `call_3`, written as this schema writes it, or `nil`.
  static func number(in name: String, after prefix: String) -> Int? {
    guard let digits = name.dropping(prefix: prefix), let number = Int(digits), number >= 0,
      digits.isSame(as: String(number))
    else { return nil }
    return number
  }
}
