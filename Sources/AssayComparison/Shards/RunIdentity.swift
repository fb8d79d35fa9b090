import AssayBase
import AssayRuns
import AssayTensors

/// What a run is known by, from one process to another.
struct RunIdentity: Codable, Equatable, Sendable {
  var path: String
  var id: String
  /// The SHA-256 of what the run says that it holds: its steps, calls and tensors, in order.
  var index: String

  /// - Complexity: O(tensors).
  init(_ run: any RunReader) {
    // Of a run that is cut by rows the steps tell none: which rows pair stands in the run itself.
    let run = (run as? AlignedRun)?.run ?? run
    path = run.path
    id = run.manifest.id
    let hash = SHA256()
    func add(_ text: String) {
      var text = text
      text.withUTF8 { hash.update(UnsafeRawBufferPointer($0)) }
    }
    if let placements = run.group?.placements {
      add("placements \(placements.mesh) \(placements.replicaBound)\n")
      for rule in placements.rules {
        add("\(rule.module.source) \(rule.slots?.map(\.source) ?? []) \(rule.placements)\n")
      }
    }
    for step in run.steps {
      add("step \(step.index) \(step.isOrderRecorded) \(step.completionOrder)\n")
      if let rows = step.rows { add("rows \(rows.layouts)\n") }
      for call in step.calls {
        // A name may hold anything but a NUL.
        var lines = "\(call.call.module)\0\(call.call.index) \(call.inputCoverage.rawValue)\n"
        for tensor in call.tensors {
          lines += "\(tensor.key.device)\0\(tensor.key.slot)\0"
          switch tensor.content {
          case .stored: lines += run.byteCount(of: tensor.key).map { "\($0)" } ?? "stored"
          case .skipped(let note):
            lines += "\(note.dtype) \(note.shape) \(note.digest?.sha256 ?? "") \(note.reason)"
          case .notRecorded(let reason): lines += "not recorded \(reason)"
          }
          lines += "\n"
        }
        add(lines)
      }
    }
    index = hash.finalize().hexadecimal
  }
}
