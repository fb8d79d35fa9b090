#if SystemLibraries
internal import AssayBase
internal import AssayHDF5
internal import AssayTensors
import Foundation

/// The file under a writer: what goes where, and which bytes it holds already.
final class HDF5RunOutput {
  let file: HDF5File
  private let isRecording: Bool
  /// Which tensors stay in other files.
  private let virtual: VirtualTensors?
  private var step: OpenStep?
  private var texts: NameMap<String> = [:]
  private var written: [Content: Place] = [:]
  /// Reads what was written.
  private var reader: OpenFile?

  /// Two tensors with the same content are one dataset.
  private struct Content: Hashable {
    var dtype: DType
    var shape: Shape
    /// Of the elements, if there are any; equal ones are proved by comparing bytes.
    var fingerprint: UInt64?
    /// What stands for them, if there are none.
    var note: String?
    var digest: TensorDigest?
  }

  /// Where a dataset is: the step being written is not yet linked to the root.
  private struct Place {
    var step: Int
    var names: String
    /// Of the elements in the file.
    var start: UInt64 = 0
  }

  /// The step that is being written, which grows with every tensor: one object, never copied.
  private final class OpenStep {
    let number: Int
    let group: HDF5Group
    var modules: Set<ExactName> = []
    var calls: [CallKey: HDF5StepIndex.Call] = [:]
    var devices: [CallKey: NameMap<(device: Device, group: HDF5Group)>] = [:]
    var keys: Set<TensorKey> = []

    init(number: Int, group: HDF5Group) {
      self.number = number
      self.group = group
    }
  }

  init(file: HDF5File, isRecording: Bool, virtual: VirtualTensors? = nil) {
    self.file = file
    self.isRecording = isRecording
    self.virtual = virtual
  }

  // MARK: The run

  func write(_ manifest: RunManifest, isComplete: Bool) throws {
    try setText(HDF5Schema.schema, HDF5Schema.name)
    try setText(HDF5Schema.id, manifest.id)
    try setText(HDF5Schema.provenance, manifest.provenance.map(json))
    try setText(HDF5Schema.recipe, manifest.recipe.map(json))
    try setText(HDF5Schema.configuration, manifest.configuration.map(json))
    let attributes = file.root.attributes
    if try attributes.contains(HDF5Schema.complete) {
      try attributes.remove(HDF5Schema.complete)
    }
    try attributes.set(HDF5Schema.complete, byte: isComplete ? 1 : 0)
  }

  private func json(_ value: some JSONWritable) -> String {
    String(decoding: value.jsonValue.encoded(), as: UTF8.self)
  }

  /// Writes a text of the root anew where it changed.
  private func setText(_ name: String, _ text: String?) throws {
    guard texts[name].map(ExactName.init) != text.map(ExactName.init) else { return }
    if let old = texts[name] {
      if old.utf8.count > HDF5Schema.attributeByteLimit {
        try file.root.unlink(HDF5Schema.dataset(for: name))
      } else {
        try file.root.attributes.remove(name)
      }
    }
    texts[name] = text
    guard let text else { return }
    if text.utf8.count > HDF5Schema.attributeByteLimit {
      try file.root.writeText(HDF5Schema.dataset(for: name), text)
    } else {
      try file.root.attributes.set(name, text: text)
    }
  }

  // MARK: A step

  func beginStep(_ number: Int) throws {
    guard self.step == nil else { throw misuse("step \(number) begins within another") }
    // Linked when it is complete: a killed process leaves a file without a trace of the step,
    // where a half-written group may be one that libhdf5 cannot read.
    step = OpenStep(
      number: number,
      group: try file.root.createUnlinkedGroup(
        HDF5Schema.step(number), order: isRecording ? .name : .creation))
  }

  func endStep(
    _ number: Int, calls: [CallKey], completionOrder: [Int], isOrderRecorded: Bool,
    rows: StepRows?
  ) throws {
    guard let step, step.number == number else { throw misuse("step \(number) was not begun") }
    guard completionOrder.sorted() == Array(calls.indices), Set(calls).count == calls.count else {
      throw misuse("step \(number)'s order does not name every call once")
    }
    if let stray = Set(step.calls.keys).subtracting(calls).first {
      throw misuse("step \(number) does not list \(stray.module) call \(stray.index)")
    }
    let index = HDF5StepIndex(
      completionOrder: completionOrder,
      calls: calls.map { step.calls[$0] ?? HDF5StepIndex.Call($0) },
      isOrderRecorded: isOrderRecorded ? nil : false, rows: rows)
    try step.group.writeText(HDF5Schema.calls, json(index))
    if isRecording { try file.flush() }
    try file.root.link(step.group)
    if isRecording { try file.flush() }
    self.step = nil
  }

  /// Lets go of a step that was not ended.
  func dropStep() {
    guard let dropped = step else { return }
    step = nil
    // No later tensor may be linked to one that is gone.
    written = written.filter { $0.value.step != dropped.number }
  }

  private func misuse(_ reason: String) -> RunError {
    .writeFailed(path: file.path, reason: reason)
  }

  // MARK: A call

  func write(_ part: CallPart) throws {
    guard step?.number == part.call.step else {
      throw misuse("step \(part.call.step) was not begun")
    }
    for tensor in part.tensors {
      if case .notRecorded(let slot, let device, _) = tensor {
        try claim(part, slot, device)
        continue
      }
      let group = try group(of: part, slot: tensor.slot, device: tensor.device)
      let name = DiskName.encode(tensor.slot.rawValue)
      switch tensor {
      case .stored(let slot, let tensor):
        let key = TensorKey(part.call, device: tensor.device, slot: slot)
        if let virtual = try virtual?.find(key, tensor) {
          try group.writeVirtual(name, dtype: tensor.dtype, shape: tensor.shape, virtual)
        } else {
          try write(tensor, named: name, in: group)
        }
      case .skipped(_, let note):
        try write(note, named: name, in: group)
      case .notRecorded: break
      }
    }
    step?.calls[part.call, default: HDF5StepIndex.Call(part.call)].add(part)
  }

  /// The group that a slot's dataset goes into, made on first use.
  private func group(of part: CallPart, slot: Slot, device: Device) throws -> HDF5Group {
    guard let step else { throw misuse("step \(part.call.step) was not begun") }
    for (name, what) in [
      (part.call.module, "module"), (slot.rawValue, "slot"), (device.name, "device"),
    ] where name.isEmpty || name.utf8.contains(0) && what == "device" {
      throw RunError.unusableName(name, reason: "a \(what) needs a name")
    }
    try claim(part, slot, device)
    let name = DiskName.encode(device.pathName)
    if let known = step.devices[part.call]?[name] {
      guard known.device == device else {
        throw RunError.unusableName(
          device.name,
          reason: "on disk it would be \(name), which already stands for \(known.device)")
      }
      return known.group
    }
    let call = try callGroup(part.call, in: step)
    let group = try call.createGroup(name)
    try group.attributes.set(HDF5Schema.device, text: device.name)
    step.devices[part.call, default: [:]][name] = (device, group)
    return group
  }

  /// Notes that a slot of a call is taken.
  private func claim(_ part: CallPart, _ slot: Slot, _ device: Device) throws {
    let key = TensorKey(part.call, device: device, slot: slot)
    guard self.step?.keys.insert(key).inserted == true else { throw RunError.duplicateSlot(key) }
  }

  private func callGroup(_ call: CallKey, in step: OpenStep) throws -> HDF5Group {
    let name = DiskName.encode(call.module)
    let isNew = step.modules.insert(ExactName(name)).inserted
    let module = try isNew ? step.group.createGroup(name) : step.group.group(name)
    let isFirst = step.devices[call] == nil
    let callName = HDF5Schema.call(call.index)
    return try isFirst ? module.createGroup(callName) : module.group(callName)
  }

  private func write(_ tensor: Tensor, named name: String, in group: HDF5Group) throws {
    // One gathering of a strided tensor serves both the fingerprint and the file.
    try tensor.withContiguousBytes { bytes in
      let content = Content(
        dtype: tensor.dtype, shape: tensor.shape, fingerprint: Fingerprint.of(bytes))
      if let place = written[content], try holds(bytes, at: place.start) {
        return try link(name, in: group, to: place)
      }
      let start = try group.writeTensor(
        name, dtype: tensor.dtype, shape: tensor.shape, bytes: bytes)
      written[content] = place(of: name, in: group, start: start)
    }
  }

  /// Whether these bytes stand in the file.
  private func holds(_ bytes: UnsafeRawBufferPointer, at start: UInt64) throws -> Bool {
    if bytes.isEmpty { return true }
    let reader = try self.reader ?? OpenFile(path: file.path, isGrowing: true)
    self.reader = reader
    let partSize = 1 << 18
    return try withUnsafeTemporaryAllocation(
      byteCount: min(partSize, bytes.count), alignment: 16
    ) { buffer in
      for offset in stride(from: 0, to: bytes.count, by: partSize) {
        let part = UnsafeRawBufferPointer(rebasing: bytes[offset...].prefix(partSize))
        let found = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(part.count))
        try reader.read(into: found, at: Int(start) + offset)
        guard let left = found.baseAddress, let right = part.baseAddress,
          memcmp(left, right, part.count) == 0
        else { return false }
      }
      return true
    }
  }

  private func write(_ note: SkippedTensor, named name: String, in group: HDF5Group) throws {
    guard let digest = note.digest else {
      try group.writeSkipped(name, dtype: note.dtype, shape: note.shape, reason: note.reason)
      return
    }
    let content = Content(
      dtype: note.dtype, shape: note.shape, note: note.reason, digest: digest)
    if let place = written[content] { return try link(name, in: group, to: place) }
    try group.writeSkipped(
      name, dtype: note.dtype, shape: note.shape, reason: note.reason,
      digest: HDF5Digest(
        figures: json(digest.figures), projection: digest.projection, sample: digest.sample))
    written[content] = place(of: name, in: group)
  }

  /// Makes one more link to a dataset.
  private func link(_ name: String, in group: HDF5Group, to place: Place) throws {
    let isHere = place.step == step?.number
    let start = isHere ? step?.group ?? file.root : file.root
    let names = isHere ? place.names : HDF5Schema.step(place.step) + "/" + place.names
    try group.link(name, to: names, from: start)
  }

  private func place(of name: String, in group: HDF5Group, start: UInt64 = 0) -> Place {
    let names = group.path.parts(separatedBy: "/").dropFirst(2) + [name]
    return Place(step: step?.number ?? 0, names: names.joined(separator: "/"), start: start)
  }
}

extension HDF5StepIndex.Call {
  init(_ call: CallKey) {
    module = call.module
    self.call = call.index
    tensors = []
  }

  /// Notes one side of the call.
  mutating func add(_ part: CallPart) {
    if part.side == .inputs { inputCoverage = part.inputCoverage?.name }
    descriptions[part.side] = part.description
    var names = tensors ?? []
    tensors = nil  // the array is added to in place
    for tensor in part.tensors {
      var name = HDF5StepIndex.Tensor(slot: tensor.slot.rawValue, device: tensor.device.name)
      if case .notRecorded(_, _, let reason) = tensor { name.notRecorded = reason }
      names.append(name)
    }
    tensors = names
  }
}
#endif
