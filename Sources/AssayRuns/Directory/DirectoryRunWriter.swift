import AssayBase
import AssayTensors
import AssayTorch
import Foundation
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Writes a run as vLLM's directory of `.pt` files, with a `run.json` that holds the exact names.
///
/// Of the `.pt` files, those with the same bytes are hard links to one; torch names a folder inside
/// after the file, so that only files of one name can be the same.
///
/// Every file appears whole or not at all. A step that has ended has a `step.json`, the entry that
/// `run.json` lists when the run is over: what is written grows with the steps, not their square.
package final class DirectoryRunWriter: RunSink {
  /// The run's directory.
  package let path: String
  /// The run's path.
  package var paths: [String] { [path] }
  private let state: Mutex<State>

  private struct State {
    var manifest: RunManifest
    /// The encoded steps that have ended.
    var endedSteps: [(number: Int, entry: Data)] = []
    var lastStep = -1
    var isStepOpen = false
    var calls: [CallKey: CallDirectory] = [:]
    var directories = FileNames()
    /// The first file of each content, and its step.
    var written: [Content: (path: String, step: Int)] = [:]
  }

  /// What the bytes of a `.pt` file depend on.
  private struct Content: Hashable {
    var file: ExactName
    var device: ExactName
    var dtype: DType
    var shape: Shape
    /// Of the elements.
    var fingerprint: UInt64
    /// Torch names the folder inside after the file only where the whole path is ASCII.
    var isPathASCII: Bool
  }

  private struct CallDirectory {
    var name: String
    var files: [RunIndex.File] = []
    var fileNames = FileNames()
    var slots: Set<TensorKey> = []
    var inputCoverage: InputCoverage?
  }

  /// Makes the run's directory, which may exist but hold no run of this layout.
  ///
  /// - Parameters:
  ///   - path: The run's directory; its parents are made as well.
  ///   - manifest: What the run says about itself; it counts as incomplete until the run has ended.
  /// - Throws: ``RunError/alreadyExists(path:)`` or ``RunError/writeFailed(path:reason:)``.
  package init(path: String, manifest: RunManifest) throws {
    self.path = path
    try FileSystem.makeDirectory(path, withParents: true)
    let entries = try DirectoryListing.names(in: path)
    guard !entries.contains(where: { $0 == "run.json" || $0.hasPrefix("step_") }) else {
      throw RunError.alreadyExists(path: path)
    }
    var manifest = manifest
    manifest.isComplete = false
    state = Mutex(State(manifest: manifest))
    try state.withLock { try writeIndex($0) }
  }

  /// Writes what happened.
  ///
  /// - Throws: ``RunError/duplicateSlot(_:)``, and ``RunError/writeFailed(path:reason:)``, also for
  ///   a step that does not ascend.
  package func receive(_ event: RunEvent) throws {
    do {
      try state.withLock { state in
        switch event {
        case .stepBegan(let step): try beginStep(step, &state)
        case .captured(let part): try write(part, &state)
        case .stepEnded(let step, let calls, let completionOrder, let isOrderRecorded, let rows):
          try endStep(step, calls, completionOrder, isOrderRecorded: isOrderRecorded, rows, &state)
        case .stepDiscarded(let step): try discardStep(step, &state)
        case .runEnded(let manifest): try finish(manifest, &state)
        }
      }
    } catch let error as FileError {
      throw RunError(error)
    }
  }

  /// Makes the step's directory.
  private func beginStep(_ step: Int, _ state: inout State) throws {
    guard !state.isStepOpen, step > state.lastStep else {
      throw RunError.writeFailed(path: path, reason: "step \(step) is out of order")
    }
    state.lastStep = step
    state.isStepOpen = true
    state.calls.removeAll()
    state.directories = FileNames(taken: [Self.callList, RunIndex.stepFile])
    try FileSystem.makeDirectory(stepPath(step))
  }

  /// Writes the tensors and the description of one side of a call.
  private func write(_ part: CallPart, _ state: inout State) throws {
    guard state.isStepOpen, part.call.step == state.lastStep else {
      throw RunError.writeFailed(path: path, reason: "step \(part.call.step) is not under way")
    }
    var directory = try callDirectory(part.call, step: part.call.step, &state)
    let folder = stepPath(part.call.step) + "/" + directory.name
    for tensor in part.tensors {
      try write(tensor, of: part, into: folder, &directory, &state)
    }
    // A part without tensors still leaves its file: an empty tuple is information.
    if let description = part.description {
      try Self.write(description, to: folder + "/" + part.side.rawValue + ".json")
    }
    if let coverage = part.inputCoverage { directory.inputCoverage = coverage }
    state.calls[part.call] = directory
  }

  /// Lists the step's calls in `module_calls.txt` and `step.json`.
  private func endStep(
    _ step: Int, _ calls: [CallKey], _ completionOrder: [Int], isOrderRecorded: Bool,
    _ rows: StepRows?, _ state: inout State
  ) throws {
    guard state.isStepOpen, step == state.lastStep else {
      throw RunError.writeFailed(path: path, reason: "step \(step) is not under way")
    }
    var listed: [RunIndex.Call] = []
    for call in calls {
      // A call whose every tensor was filtered out has a directory nevertheless.
      let directory = try callDirectory(call, step: step, &state)
      listed.append(
        RunIndex.Call(
          module: call.module, call: call.index, directory: directory.name,
          tensors: directory.files, inputCoverage: directory.inputCoverage?.name))
    }
    let names = listed.map { $0.directory + "\n" }.joined()
    try WholeFile.replace(
      stepPath(step) + "/" + Self.callList, with: Data(names.utf8), isDurable: false)
    let entry = RunIndex.Step(
      step: step, completionOrder: completionOrder, calls: listed,
      isOrderRecorded: isOrderRecorded ? nil : false, rows: rows)
    let encoded = entry.jsonValue.encoded()
    try WholeFile.replace(
      stepPath(step) + "/" + RunIndex.stepFile, with: encoded + Data("\n".utf8),
      isDurable: false)
    state.endedSteps.append((step, encoded))
    state.isStepOpen = false
  }

  /// Removes the step's directory.
  private func discardStep(_ step: Int, _ state: inout State) throws {
    guard state.isStepOpen, step == state.lastStep else { return }
    state.isStepOpen = false
    state.lastStep = step - 1
    // No later file may be linked to one that is gone.
    state.written = state.written.filter { $0.value.step != step }
    do {
      try FileManager.default.removeItem(atPath: stepPath(step))
    } catch {
      throw RunError.writeFailed(path: stepPath(step), reason: error.localizedDescription)
    }
  }

  /// Writes `run.json` with all steps.
  private func finish(_ manifest: RunManifest, _ state: inout State) throws {
    guard !state.isStepOpen else {
      throw RunError.writeFailed(path: path, reason: "step \(state.lastStep) has not ended")
    }
    state.manifest = manifest
    try writeIndex(state)
    // What a complete run.json lists, no reader looks for; one that is left does no harm.
    for (step, _) in state.endedSteps { unlink(stepPath(step) + "/" + RunIndex.stepFile) }
  }
}

extension DirectoryRunWriter {
  private static let callList = "module_calls.txt"

  private func stepPath(_ step: Int) -> String { "\(path)/step_\(step)" }

  private static func write(_ value: some JSONWritable, to path: String) throws {
    var data = value.jsonValue.encoded()
    data.append(UInt8(ascii: "\n"))
    try WholeFile.replace(path, with: data, isDurable: false)
  }

  /// The call's directory, which is made when it is first asked for.
  private func callDirectory(
    _ call: CallKey, step: Int, _ state: inout State
  ) throws -> CallDirectory {
    if let directory = state.calls[call] { return directory }
    guard !call.module.isEmpty else {
      throw RunError.unusableName(call.module, reason: "the root module has no directory")
    }
    // The module `a_1` and call 1 of the module `a` ask for the same name; run.json tells them apart.
    let name = state.directories.take(
      FileName.escape(call.module) + (call.index == 0 ? "" : "_\(call.index)"))
    let directory = CallDirectory(name: name)
    try FileSystem.makeDirectory(stepPath(step) + "/" + name)
    state.calls[call] = directory
    return directory
  }

  private func write(
    _ captured: CapturedTensor, of part: CallPart, into folder: String,
    _ directory: inout CallDirectory, _ state: inout State
  ) throws {
    let (slot, device) = (captured.slot, captured.device)
    let key = TensorKey(part.call, device: device, slot: slot)
    guard directory.slots.insert(key).inserted else { throw RunError.duplicateSlot(key) }
    let stem = FileName.escape(slot.rawValue) + "_" + FileName.escape(device.pathName)
    var entry = RunIndex.File(slot: slot.rawValue, device: device.name)
    switch captured {
    case .stored(_, let tensor):
      let file = directory.fileNames.take(stem, extension: ".pt") + ".pt"
      try write(tensor, named: file, in: folder, step: part.call.step, &state)
      entry.file = file
    case .skipped(_, let note):
      let file = directory.fileNames.take(stem, extension: ".json") + ".json"
      try Self.write(
        SkippedNote(
          shape: note.shape.dimensions, dtype: note.dtype.torchName, device: device.name,
          numel: note.shape.elementCount, skipped: note.reason,
          digest: note.digest?.jsonValue),
        to: folder + "/" + file)
      (entry.file, entry.skipped) = (file, true)
    case .notRecorded(_, _, let reason):
      entry.notRecorded = reason
    }
    directory.files.append(entry)
  }

  /// Writes a `.pt` file, or links to the one that has the same bytes.
  private func write(
    _ tensor: Tensor, named file: String, in folder: String, step: Int, _ state: inout State
  ) throws {
    let path = folder + "/" + file
    let content = Content(
      file: ExactName(file), device: ExactName(tensor.device.name), dtype: tensor.dtype,
      shape: tensor.shape,
      fingerprint: tensor.withContiguousBytes(Fingerprint.of),
      isPathASCII: path.utf8.allSatisfy { $0 < 0x80 })
    if let known = state.written[content], Self.holds(known.path, tensor),
      FileSystem.link(known.path, to: path)
    {
      return
    }
    do {
      try TorchFile.write(tensor, to: path)
    } catch {
      throw RunError.writeFailed(path: path, reason: error.reason(about: path))
    }
    state.written[content] = (path, step)
  }

  /// Whether a file that was written holds the elements of a tensor of the same dtype and shape.
  private static func holds(_ path: String, _ tensor: Tensor) -> Bool {
    guard let file = try? TorchFile.loadTensor(path: path) else { return false }
    return file.withContiguousBytes { written in
      tensor.withContiguousBytes { wanted in
        guard written.count == wanted.count else { return false }
        guard let ours = written.baseAddress, let theirs = wanted.baseAddress else { return true }
        return memcmp(ours, theirs, wanted.count) == 0
      }
    }
  }

  /// Writes `run.json` from the steps as they were encoded when they ended.
  private func writeIndex(_ state: State) throws {
    let manifest = state.manifest
    let head = RunIndex(
      id: manifest.id, complete: manifest.isComplete, provenance: manifest.provenance,
      recipe: manifest.recipe, configuration: manifest.configuration, steps: [])
    var data = head.jsonValue.encoded()
    // `steps` is the last key in sorted order: the text ends in `[]}`.
    data.removeLast(2)
    data.append(Data(state.endedSteps.map(\.entry).joined(separator: [UInt8(ascii: ",")])))
    data.append(Data("]}\n".utf8))
    try WholeFile.replace(path + "/run.json", with: data, isDurable: false)
  }
}
