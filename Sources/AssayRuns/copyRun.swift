import AssayTensors

/// Copies a run into another layout, without losing a bit unless it is told what to keep: every step, description, tensor and note, in order, and ends the run.
///
/// - Parameters:
///   - reader: The run.
///   - writer: A writer to which nothing was written yet.
///   - manifest: What the copy says about itself; the run's own manifest unless it is given.
///   - keep: What to keep of the tensors that the run has whole; what it has as digests stays so.
///   - progress: Called whenever one side of a call is written, with the number of tensors done
///     and their total.
/// - Throws: ``RunError``; then the copy is not complete.
package func copyRun(
  from reader: any RunReader, to writer: any RunSink, manifest: RunManifest? = nil,
  keep: TensorKeep = .full, progress: ((Int, Int) -> Void)? = nil
) throws {
  let total = reader.steps.reduce(0) { $1.calls.reduce($0) { $0 + $1.tensors.count } }
  var done = 0
  for step in reader.steps {
    try writer.receive(.stepBegan(step.index))
    for record in step.calls {
      for part in try parts(of: record, reader) {
        try writer.receive(RunEvent.captured(part).keeping(keep))
        for case .stored(_, let tensor) in part.tensors { try tensor.checkUnchanged() }
        done += part.tensors.count
        progress?(done, total)
      }
    }
    try writer.receive(
      .stepEnded(
        step.index, calls: step.calls.map(\.call), completionOrder: step.completionOrder,
        isOrderRecorded: step.isOrderRecorded, rows: step.rows))
  }
  try writer.receive(.runEnded(manifest ?? reader.manifest))
}

/// The sides of a call that have a description or tensors.
private func parts(
  of record: CallRecord, _ reader: any RunReader
) throws -> [CallPart] {
  var sides: [Slot.Side: [CapturedTensor]] = [:]
  for tensor in record.tensors {
    let slot = tensor.key.slot
    guard let side = slot.side else {
      throw RunError.unusableName(
        slot.rawValue, reason: "a slot begins with inputs, outputs or post_fwd_inputs")
    }
    let captured: CapturedTensor =
      switch tensor.content {
      case .stored: .stored(slot, try reader.tensor(tensor.key))
      case .skipped(let note): .skipped(slot, note)
      case .notRecorded(let reason): .notRecorded(slot, tensor.key.device, reason: reason)
      }
    sides[side, default: []].append(captured)
  }
  return Slot.Side.allCases.compactMap { side in
    guard record.descriptions[side] != nil || sides[side] != nil else { return nil }
    return CallPart(
      call: record.call, side: side,
      description: record.descriptions[side], tensors: sides[side] ?? [],
      inputCoverage: side == .inputs ? record.coverageToTell : nil)
  }
}
