import AssayBase
import AssayTensors

/// A run's directory as its `run.json` describes it.
struct IndexedDirectory {
  private let path: String
  private var indexPath: String { path + "/run.json" }

  init(_ path: String) {
    self.path = path
  }

  func contents() throws(RunError) -> DirectoryContents {
    // The schema comes first: another one's keys would be reported as missing.
    let json = try RunFile.json(at: indexPath)
    let schema = try RunFile.reading(indexPath) { try json.member("schema", as: String.self) }
    guard schema == RunIndex.schemaName else {
      throw .notARun(
        path: path,
        reason: "run.json has the schema \"\(schema)\", not \"\(RunIndex.schemaName)\"")
    }
    let index = try RunFile.reading(indexPath) { try RunIndex(json: json) }
    var contents = DirectoryContents(
      manifest: RunManifest(
        id: index.id, isComplete: index.complete, provenance: index.provenance,
        recipe: index.recipe, configuration: index.configuration))
    let steps = try index.steps + (index.complete ? [] : endedSteps(besides: index.steps))
    for step in steps.sorted(by: { $0.step < $1.step }) {
      guard step.step >= 0, step.step != contents.steps.last?.index else {
        throw damaged("step \(step.step) is negative or listed twice")
      }
      contents.steps.append(try record(step, &contents.files))
    }
    return contents
  }

  /// The steps that ended before their run was over, or was killed.
  private func endedSteps(besides listed: [RunIndex.Step]) throws(RunError) -> [RunIndex.Step] {
    let listed = Set(listed.map(\.step))
    var steps: [RunIndex.Step] = []
    for name in try DirectoryListing.names(in: path) {
      let file = path + "/" + name + "/" + RunIndex.stepFile
      guard let number = PlainDirectory.step(name), name == "step_\(number)",
        !listed.contains(number), FileSystem.exists(file)
      else { continue }
      let step = try RunFile.json(RunIndex.Step.self, at: file)
      guard step.step == number else {
        throw .damaged(path: file, reason: "it is the entry of step \(step.step)")
      }
      steps.append(step)
    }
    return steps
  }

  private func damaged(_ reason: String) -> RunError {
    .damaged(path: indexPath, reason: reason)
  }

  private func record(
    _ step: RunIndex.Step, _ files: inout [TensorKey: String]
  ) throws(RunError) -> StepRecord {
    guard step.completionOrder.sorted() == Array(step.calls.indices) else {
      throw damaged("completion_order of step \(step.step) is not an order of its calls")
    }
    var calls: [CallRecord] = []
    var seen: Set<CallKey> = []
    var directories: Set<ExactName> = []
    // A folder takes several calls of the operating system.
    let contents = concurrentMap(count: step.calls.count) { position in
      Result { () throws(RunError) in try self.contents(of: step.calls[position], step: step.step) }
    }
    for (call, contents) in zip(step.calls, contents) {
      let contents = try contents.get()
      guard seen.insert(contents.record.call).inserted,
        directories.insert(ExactName(call.directory)).inserted
      else {
        throw damaged("step \(step.step) lists \(call.module) call \(call.call) twice")
      }
      calls.append(contents.record)
      files.merge(contents.files) { first, _ in first }
    }
    return StepRecord(
      index: step.step, calls: calls, completionOrder: step.completionOrder,
      isOrderRecorded: step.isOrderRecorded ?? true, rows: step.rows)
  }

  private func contents(
    of call: RunIndex.Call, step: Int
  ) throws(RunError) -> CallContents {
    guard call.call >= 0 else { throw damaged("call \(call.call) of \(call.module)") }
    let folder = "\(path)/step_\(step)/\(try component(call.directory))"
    var contents = CallContents(
      CallRecord(
        call: CallKey(step: step, module: call.module, index: call.call),
        descriptions: try RunFile.descriptions(in: folder)))
    if let name = call.inputCoverage {
      guard let coverage = InputCoverage(name: name) else {
        throw damaged("the input_coverage \"\(name)\" of \(call.module) is unknown")
      }
      contents.record.inputCoverage = coverage
    }
    var keys: Set<TensorKey> = []
    for tensor in call.tensors {
      let key = TensorKey(
        contents.record.call, device: Device(tensor.device), slot: Slot(tensor.slot))
      guard keys.insert(key).inserted else { throw damaged("\(key) is listed twice") }
      if let reason = tensor.notRecorded, tensor.file == nil {
        contents.record.tensors.append(
          TensorRecord(key: key, content: .notRecorded(reason: reason)))
        continue
      }
      guard let name = tensor.file, tensor.notRecorded == nil else {
        throw damaged("\(key) has neither a file nor a reason for having none, or both")
      }
      let file = folder + "/" + (try component(name))
      if tensor.skipped == true {
        let note = try RunFile.json(SkippedNote.self, at: file)
        contents.record.tensors.append(
          TensorRecord(
            key: key,
            skipped: try RunFile.skippedTensor(note, device: key.device, path: file)))
      } else {
        contents.files.append((key, file))
        contents.record.tensors.append(TensorRecord(key: key))
      }
    }
    contents.record.markUnrecorded()
    return contents
  }

  /// A name that stays within its directory.
  private func component(_ name: String) throws(RunError) -> String {
    guard !name.isEmpty, name != ".", name != "..",
      !name.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "/") })
    else { throw damaged("\"\(name)\" is not the name of a file within the run") }
    return name
  }
}
