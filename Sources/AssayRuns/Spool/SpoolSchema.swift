import AssayBase
import AssayTensors

/// Names within a spool, the layout in which `assay_torch` records.
///
/// `Golden/README.md` describes it.
enum SpoolSchema {
  static let name = "assay.spool/1"
  /// What the run says about itself when its recording begins.
  static let manifest = "spool.json"
  /// The bytes of all tensors.
  static let tensors = "tensors.bin"
  /// A line of JSON for each step that ended, and one at last for the run.
  static let steps = "steps.jsonl"
}

/// `spool.json`.
struct SpoolManifest: JSONReadable {
  var id: String
  var provenance: Provenance?
  var configuration: JSONValue?

  init(json: JSONValue) throws {
    id = try json.member("id")
    provenance = try json.optional("provenance")
    configuration = try json.optional("configuration")
  }
}

/// A line of `steps.jsonl`.
enum SpoolLine: JSONReadable {
  case step(SpoolStep)
  /// The recording was finished; nothing follows.
  case end(Recipe?)

  init(json: JSONValue) throws {
    guard json.members?["complete"] != nil else {
      self = .step(try SpoolStep(json: json))
      return
    }
    _ = try json.member("complete") { value in
      guard value == .bool(true) else { throw JSONError.invalid }
    }
    self = .end(try json.optional("recipe"))
  }
}

/// A step that ended.
struct SpoolStep: JSONReadable {
  var step: Int
  /// Positions in `calls`.
  var completionOrder: [Int]
  /// In pre-forward order.
  var calls: [Call]
  var rows: StepRows?

  struct Call {
    var module: String
    var call: Int
    /// A description may be `null`: a module that returned None.
    var descriptions: [Slot.Side: JSONValue] = [:]
    var tensors: [Tensor]
  }

  struct Tensor {
    var slot: String
    var device: String
    var content: Content
  }

  enum Content {
    /// So many bytes from an offset of `tensors.bin` on.
    case stored(dtype: String, shape: [Int], offset: Int, byteCount: Int)
    case skipped(SkippedNote)
    case notRecorded(reason: String)
  }

  init(json: JSONValue) throws {
    step = try json.member("step") { try $0.natural() }
    completionOrder = try json.member("completion_order") { try $0.items { try $0.natural() } }
    calls = try json.member("calls")
    rows = try json.optional("rows")
  }
}

extension SpoolStep.Call: JSONReadable {
  init(json: JSONValue) throws {
    module = try json.member("module")
    call = try json.member("call") { try $0.natural() }
    for side in Slot.Side.allCases { descriptions[side] = json.members?[side.rawValue] }
    tensors = try json.member("tensors")
  }
}

extension SpoolStep.Tensor: JSONReadable {
  init(json: JSONValue) throws {
    slot = try json.member("slot")
    device = try json.member("device")
    if let reason = try json.optional("not_recorded", as: String.self) {
      content = .notRecorded(reason: reason)
    } else if json.members?["skipped"] != nil {
      content = .skipped(
        SkippedNote(
          shape: try json.member("shape"), dtype: try json.member("dtype"),
          skipped: try json.member("skipped"), digest: try json.optional("digest")))
    } else {
      content = .stored(
        dtype: try json.member("dtype"), shape: try json.member("shape"),
        offset: try json.member("offset") { try $0.natural() },
        byteCount: try json.member("bytes") { try $0.natural() })
    }
  }
}
