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

  /// The number in `step_3` or `call_3`, written as this schema writes it, or `nil`.
  static func number(in name: String, after prefix: String) -> Int? {
    guard name.hasPrefix(prefix), let number = Int(name.dropFirst(prefix.count)), number >= 0,
      name == prefix + String(number)
    else { return nil }
    return number
  }
}

/// What `.calls` holds: the calls of a step in the order in which they began.
struct HDF5StepIndex: Codable {
  var completionOrder: [Int]
  var calls: [Call]
  /// Only where it is false: a run without the order of its execution was converted.
  var isOrderRecorded: Bool?

  struct Call: Codable {
    var module: String
    var call: Int
    var inputs: JSONValue?
    var outputs: JSONValue?
    var postForwardInputs: JSONValue?
    /// What was written, in order; files of other writers may lack it.
    var tensors: [Tensor]?
    /// Which of its inputs the run can show, where it shows fewer than it seems to.
    var inputCoverage: String?

    enum CodingKeys: String, CodingKey {
      case module, call, inputs, outputs, tensors
      case postForwardInputs = "post_fwd_inputs"
      case inputCoverage = "input_coverage"
    }
  }

  struct Tensor: Codable, Hashable {
    var slot: String
    var device: String
    /// Why a tensor that the module had could not be recorded; then there is no dataset.
    var notRecorded: String?

    enum CodingKeys: String, CodingKey {
      case slot, device
      case notRecorded = "not_recorded"
    }
  }

  enum CodingKeys: String, CodingKey {
    case calls
    case completionOrder = "completion_order"
    case isOrderRecorded = "order_recorded"
  }
}

extension HDF5StepIndex.Call {
  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    module = try container.decode(String.self, forKey: .module)
    call = try container.decode(Int.self, forKey: .call)
    // A description may be `null`: a module that returned None.
    func description(_ key: CodingKeys) throws -> JSONValue? {
      container.contains(key) ? try container.decode(JSONValue.self, forKey: key) : nil
    }
    inputs = try description(.inputs)
    outputs = try description(.outputs)
    postForwardInputs = try description(.postForwardInputs)
    tensors = try container.decodeIfPresent([HDF5StepIndex.Tensor].self, forKey: .tensors)
    inputCoverage = try container.decodeIfPresent(String.self, forKey: .inputCoverage)
  }
}
