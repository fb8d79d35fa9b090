import AssayBase

/// `run.json`: what a run directory holds under which names.
struct RunIndex {
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

  struct Step {
    var step: Int
    /// Positions in `calls`.
    var completionOrder: [Int]
    /// In pre-forward order.
    var calls: [Call]
    /// Only where it is false: a run without the order of its execution was converted.
    var isOrderRecorded: Bool?
    var rows: StepRows?
  }

  struct Call {
    var module: String
    var call: Int
    var directory: String
    var tensors: [File]
    /// Which of its inputs the run can show, where it shows fewer than it seems to.
    var inputCoverage: String?
  }

  struct File {
    var slot: String
    var device: String
    /// Absent where nothing was written.
    var file: String?
    var skipped: Bool?
    /// Why a tensor that the module had could not be recorded.
    var notRecorded: String?
  }
}

/// The note that stands for a tensor which was not written.
struct SkippedNote {
  var type = "tensor"
  var shape: [Int]
  var dtype: String
  var device: String?
  var numel: Int?
  var skipped: String
  /// What stands for the elements, where anything does.
  var digest: JSONValue?
}

extension RunIndex: JSONReadable, JSONWritable {
  init(json: JSONValue) throws {
    schema = try json.member("schema")
    id = try json.member("id")
    complete = try json.member("complete")
    provenance = try json.optional("provenance")
    recipe = try json.optional("recipe")
    configuration = try json.optional("configuration")
    steps = try json.member("steps")
  }

  var jsonValue: JSONValue {
    .object(of: [
      "schema": schema, "id": id, "complete": complete, "provenance": provenance,
      "recipe": recipe, "configuration": configuration, "steps": steps,
    ])
  }
}

extension RunIndex.Step: JSONReadable, JSONWritable {
  init(json: JSONValue) throws {
    step = try json.member("step")
    calls = try json.member("calls")
    completionOrder = try json.member("completion_order")
    isOrderRecorded = try json.optional("order_recorded")
    rows = try json.optional("rows")
  }

  var jsonValue: JSONValue {
    .object(of: [
      "step": step, "completion_order": completionOrder, "calls": calls,
      "order_recorded": isOrderRecorded, "rows": rows,
    ])
  }
}

extension RunIndex.Call: JSONReadable, JSONWritable {
  init(json: JSONValue) throws {
    module = try json.member("module")
    call = try json.member("call")
    directory = try json.member("directory")
    tensors = try json.member("tensors")
    inputCoverage = try json.optional("input_coverage")
  }

  var jsonValue: JSONValue {
    .object(of: [
      "module": module, "call": call, "directory": directory, "tensors": tensors,
      "input_coverage": inputCoverage,
    ])
  }
}

extension RunIndex.File: JSONReadable, JSONWritable {
  init(json: JSONValue) throws {
    slot = try json.member("slot")
    device = try json.member("device")
    file = try json.optional("file")
    skipped = try json.optional("skipped")
    notRecorded = try json.optional("not_recorded")
  }

  var jsonValue: JSONValue {
    .object(of: [
      "slot": slot, "device": device, "file": file, "skipped": skipped,
      "not_recorded": notRecorded,
    ])
  }
}

extension SkippedNote: JSONReadable, JSONWritable {
  init(json: JSONValue) throws {
    type = try json.member("type")
    shape = try json.member("shape")
    dtype = try json.member("dtype")
    device = try json.optional("device")
    numel = try json.optional("numel")
    skipped = try json.member("skipped")
    digest = try json.optional("digest")
  }

  var jsonValue: JSONValue {
    .object(of: [
      "type": type, "shape": shape, "dtype": dtype, "device": device, "numel": numel,
      "skipped": skipped, "digest": digest,
    ])
  }
}
