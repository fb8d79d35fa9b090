/// `run.json`: what a run directory holds under which names.
struct RunIndex: Codable {
  static let schemaName = "assay.run/1"
  /// In the directory of a step that has ended, while the run goes on: its entry in `steps`.
  static let stepFile = "step.json"

  var schema = Self.schemaName
  var id: String
  var complete: Bool
  var provenance: Provenance?
  var recipe: Recipe?
  var configuration: JSONValue?
  var steps: [Step]

  struct Step: Codable {
    var step: Int
    /// Positions in `calls`.
    var completionOrder: [Int]
    /// In pre-forward order.
    var calls: [Call]
    /// Only where it is false: a run without the order of its execution was converted.
    var isOrderRecorded: Bool?

    private enum CodingKeys: String, CodingKey {
      case step, calls
      case completionOrder = "completion_order"
      case isOrderRecorded = "order_recorded"
    }
  }

  struct Call: Codable {
    var module: String
    var call: Int
    var directory: String
    var tensors: [File]
    /// Which of its inputs the run can show, where it shows fewer than it seems to.
    var inputCoverage: String?

    private enum CodingKeys: String, CodingKey {
      case module, call, directory, tensors
      case inputCoverage = "input_coverage"
    }
  }

  struct File: Codable {
    var slot: String
    var device: String
    /// Absent where nothing was written.
    var file: String?
    var skipped: Bool?
    /// Why a tensor that the module had could not be recorded.
    var notRecorded: String?

    private enum CodingKeys: String, CodingKey {
      case slot, device, file, skipped
      case notRecorded = "not_recorded"
    }
  }
}

/// The note that stands for a tensor which was not written.
struct SkippedNote: Codable {
  var type = "tensor"
  var shape: [Int]
  var dtype: String
  var device: String?
  var numel: Int?
  var skipped: String
  /// What stands for the elements, where anything does.
  var digest: JSONValue?
}
