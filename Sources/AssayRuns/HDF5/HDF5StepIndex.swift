import AssayBase
import AssayTensors

/// What `.calls` holds: the calls of a step in the order in which they began.
struct HDF5StepIndex {
  var completionOrder: [Int]
  var calls: [Call]
  /// Only where it is false: a run without the order of its execution was converted.
  var isOrderRecorded: Bool?
  var rows: StepRows?

  struct Call {
    var module: String
    var call: Int
    /// A description may be `null`: a module that returned None.
    var descriptions: [Slot.Side: JSONValue] = [:]
    /// What was written, in order; files of other writers may lack it.
    var tensors: [Tensor]?
    /// Which of its inputs the run can show, where it shows fewer than it seems to.
    var inputCoverage: String?
  }

  struct Tensor {
    var slot: String
    var device: String
    /// Why a tensor that the module had could not be recorded; then there is no dataset.
    var notRecorded: String?
  }
}

// MARK: - JSON

extension HDF5StepIndex: JSONReadable, JSONWritable {
  init(json: JSONValue) throws {
    completionOrder = try json.member("completion_order") { try $0.items { try $0.natural() } }
    calls = try json.member("calls")
    isOrderRecorded = try json.optional("order_recorded")
    rows = try json.optional("rows")
  }

  var jsonValue: JSONValue {
    .object(of: [
      "completion_order": completionOrder, "calls": calls, "order_recorded": isOrderRecorded,
      "rows": rows,
    ])
  }
}

extension HDF5StepIndex.Call: JSONReadable, JSONWritable {
  init(json: JSONValue) throws {
    module = try json.member("module")
    call = try json.member("call") { try $0.natural() }
    for side in Slot.Side.allCases { descriptions[side] = json.members?[side.rawValue] }
    inputCoverage = try json.optional("input_coverage")
    tensors = try json.optional("tensors")
  }

  var jsonValue: JSONValue {
    .object(of: [
      "module": module, "call": call, "tensors": tensors, "input_coverage": inputCoverage,
      Slot.Side.inputs.rawValue: descriptions[.inputs],
      Slot.Side.outputs.rawValue: descriptions[.outputs],
      Slot.Side.postForwardInputs.rawValue: descriptions[.postForwardInputs],
    ])
  }
}

extension HDF5StepIndex.Tensor: JSONReadable, JSONWritable {
  init(json: JSONValue) throws {
    slot = try json.member("slot")
    device = try json.member("device")
    notRecorded = try json.optional("not_recorded")
  }

  var jsonValue: JSONValue {
    .object(of: ["slot": slot, "device": device, "not_recorded": notRecorded])
  }
}
