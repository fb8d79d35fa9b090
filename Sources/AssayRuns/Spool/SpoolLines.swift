import AssayBase
import AssayTensors
import Foundation

/// The lines of `steps.jsonl`, each of which is checked by itself and against those before it.
struct SpoolLines {
  let path: String

  /// What the lines say of a run.
  struct Run {
    var steps: [StepRecord] = []
    var sources: [TensorKey: SpoolSource] = [:]
    var isComplete = false
    var recipe: Recipe?
  }

  func read() throws -> Run {
    let data = try RunFile.data(at: path)
    // What follows the last end of a line is of a step that had not ended.
    let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .dropLast()
    let read = concurrentMap(count: lines.count) { index in
      Result { try line(lines[lines.startIndex + index], number: index + 1) }
    }
    var run = Run()
    for (index, result) in read.enumerated() {
      let number = index + 1
      guard !run.isComplete else {
        throw damaged(number, "it follows the line that says the run is complete")
      }
      switch try result.get() {
      case .step(let record, let sources):
        if let last = run.steps.last, last.index >= record.index {
          throw damaged(number, "step \(record.index) follows step \(last.index)")
        }
        run.steps.append(record)
        run.sources.reserveCapacity(run.sources.count + sources.count)
        for (key, source) in sources { run.sources[key] = source }
      case .end(let recipe):
        run.isComplete = true
        run.recipe = recipe
      }
    }
    return run
  }

  private func damaged(_ number: Int, _ reason: String) -> RunError {
    .damaged(
      path: path,
      reason: "line \(number): \(reason)"
        + (number > 1 ? "; the \(number - 1) lines before it are sound, and a run without it" : ""))
  }

  // MARK: A line

  private enum Line {
    case step(StepRecord, [(TensorKey, SpoolSource)])
    case end(Recipe?)
  }

  private func line(_ text: Data, number: Int) throws -> Line {
    let line: SpoolLine
    do {
      line = try SpoolLine(json: JSONValue(decoding: Data(text), valueLimit: 1 << 22))
    } catch {
      throw damaged(number, "\(error)")
    }
    switch line {
    case .end(let recipe): return .end(recipe)
    case .step(let step):
      do { return try record(step) } catch let error as Contradiction {
        throw damaged(number, error.reason)
      }
    }
  }

  /// What makes a line unusable that is JSON of the schema.
  private struct Contradiction: Error {
    var reason: String
  }

  private func record(_ step: SpoolStep) throws -> Line {
    guard step.completionOrder.sorted() == Array(step.calls.indices) else {
      throw Contradiction(
        reason: "completion_order of step \(step.step) is not an order of its calls")
    }
    var calls: [CallRecord] = []
    calls.reserveCapacity(step.calls.count)
    var seen: Set<CallKey> = []
    var sources: [(TensorKey, SpoolSource)] = []
    for entry in step.calls {
      let call = CallKey(step: step.step, module: entry.module, index: entry.call)
      guard seen.insert(call).inserted else {
        throw Contradiction(
          reason: "step \(step.step) lists \(entry.module) call \(entry.call) twice")
      }
      calls.append(try record(entry, call, &sources))
    }
    return .step(
      StepRecord(
        index: step.step, calls: calls, completionOrder: step.completionOrder, rows: step.rows),
      sources)
  }

  private func record(
    _ entry: SpoolStep.Call, _ call: CallKey, _ sources: inout [(TensorKey, SpoolSource)]
  ) throws -> CallRecord {
    var record = CallRecord(call: call, descriptions: entry.descriptions)
    var keys: Set<TensorKey> = []
    for tensor in entry.tensors {
      let key = TensorKey(call, device: Device(tensor.device), slot: Slot(tensor.slot))
      guard keys.insert(key).inserted else {
        throw Contradiction(reason: "\(key) is listed twice")
      }
      switch tensor.content {
      case .notRecorded(let reason):
        record.tensors.append(TensorRecord(key: key, content: .notRecorded(reason: reason)))
      case .skipped(let note):
        record.tensors.append(
          TensorRecord(
            key: key,
            skipped: try RunFile.skippedTensor(note, device: key.device, path: path)))
      case .stored(let dtype, let shape, let offset, let byteCount):
        sources.append((key, try source(of: key, dtype, shape, offset, byteCount)))
        record.tensors.append(TensorRecord(key: key))
      }
    }
    record.markUnrecorded()
    return record
  }

  /// Checks that a tensor's bytes are as many as its dtype and shape make.
  private func source(
    of key: TensorKey, _ dtypeName: String, _ dimensions: [Int], _ offset: Int, _ byteCount: Int
  ) throws -> SpoolSource {
    guard let dtype = DType(torchName: dtypeName) else {
      throw RunError.unsupported(path: path, reason: DType.unsupported(dtypeName))
    }
    guard let shape = try? Shape(dimensions) else {
      throw Contradiction(reason: "\(key) has the shape \(dimensions), which no tensor has")
    }
    // No product overflows: a shape has fewer than 2^48 elements.
    let needed = shape.elementCount * dtype.byteCount
    guard byteCount == needed else {
      throw Contradiction(
        reason: "\(key) is \(byteCount) bytes, and its dtype and shape make \(needed)")
    }
    let (end, overflow) = offset.addingReportingOverflow(byteCount)
    guard !overflow else { throw Contradiction(reason: "\(key) ends beyond any file") }
    return SpoolSource(range: offset..<end, dtype: dtype, shape: shape)
  }
}
