import AssayBase
import AssayTensors
import Foundation

/// A run's directory without a `run.json`, as vLLM writes it.
struct PlainDirectory {
  private let path: String

  /// No file system has longer names.
  private static let nameLimit = 255
  /// More calls than any model makes in a step.
  private static let callLimit = 1 << 18

  init(_ path: String) {
    self.path = path
  }

  func contents() throws(RunError) -> DirectoryContents {
    var steps: [Int: String] = [:]
    for name in try DirectoryListing.names(in: path) {
      guard let step = Self.step(name) else { continue }
      guard FileSystem.isDirectory(path + "/" + name) else {
        throw .damaged(path: path + "/" + name, reason: "it is a step's name, but no directory")
      }
      if let other = steps.updateValue(name, forKey: step) {
        throw .damaged(path: path, reason: "\(other) and \(name) are the same step")
      }
    }
    guard !steps.isEmpty else {
      throw .notARun(path: path, reason: "it has neither a run.json nor a step_<n> directory")
    }
    let id = URL(filePath: path).standardizedFileURL.lastPathComponent
    var contents = DirectoryContents(manifest: RunManifest(id: id))
    for (step, name) in steps.sorted(by: { $0.key < $1.key }) {
      contents.steps.append(try record(step, in: path + "/" + name, &contents.files))
    }
    return contents
  }

  /// The number of a step's directory.
  static func step(_ name: String) -> Int? {
    guard name.hasPrefix("step_") else { return nil }
    return number(name.dropFirst(5))
  }

  private static func number(_ digits: Substring) -> Int? {
    digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      ? Int(digits) : nil
  }

  private func record(
    _ step: Int, in folder: String, _ files: inout [TensorKey: String]
  ) throws(RunError) -> StepRecord {
    var directories: Set<ExactName> = []
    var unlisted: [String] = []
    var (names, isOrderRecorded) = try listedCalls(in: folder)
    let listed = Set(names.map { ExactName($0) })
    for (name, isDirectory) in try DirectoryListing.entries(in: folder) where isDirectory {
      directories.insert(ExactName(name))
      if !listed.contains(ExactName(name)),
        try !DirectoryListing.names(in: folder + "/" + name).isEmpty
      {
        unlisted.append(name)
      }
    }
    if !unlisted.isEmpty { isOrderRecorded = false }
    names += unlisted
    let resolved = Self.calls(of: listed.union(directories), step: step)
    // A folder takes several calls of the operating system.
    let contents = concurrentMap(count: names.count) { [names, directories] position in
      let name = names[position]
      let call = resolved[ExactName(name)] ?? CallKey(step: step, module: name)
      return Result { () throws(RunError) in
        directories.contains(ExactName(name))
          ? try Self.contents(of: call, in: folder + "/" + name)
          : CallContents(CallRecord(call: call))
      }
    }
    var calls: [CallRecord] = []
    var namesByCall: [CallKey: String] = [:]
    for (name, contents) in zip(names, contents) {
      let call = resolved[ExactName(name)] ?? CallKey(step: step, module: name)
      if let other = namesByCall.updateValue(name, forKey: call) {
        throw .damaged(
          path: folder, reason: "\"\(other)\" and \"\(name)\" are the same call of a module")
      }
      if !directories.contains(ExactName(name)), FileSystem.exists(folder + "/" + name) {
        throw .damaged(
          path: folder + "/" + name, reason: "module_calls.txt lists it, but it is no directory")
      }
      var found = try contents.get()
      found.record.inputCoverage = max(.positional, found.record.inputCoverage)
      calls.append(found.record)
      files.merge(found.files) { first, _ in first }
    }
    return StepRecord(index: step, calls: calls, isOrderRecorded: isOrderRecorded)
  }

  /// The lines of `module_calls.txt`, each once, and whether the file is there.
  private func listedCalls(in folder: String) throws(RunError) -> ([String], Bool) {
    let file = folder + "/module_calls.txt"
    guard FileSystem.exists(file) else { return ([], false) }
    var names: [String] = []
    var seen: Set<ExactName> = []
    let text = String(decoding: try RunFile.data(at: file), as: UTF8.self)
    for line in text.split(whereSeparator: \.isNewline) {
      let name = line.trimmingCharacters(in: .whitespaces)
      if name.isEmpty { continue }
      guard name.utf8.count <= Self.nameLimit, names.count < Self.callLimit else {
        throw .damaged(
          path: file,
          reason: "it lists more than \(Self.callLimit) calls, or a name of more than "
            + "\(Self.nameLimit) bytes")
      }
      guard name != ".", name != "..",
        !name.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "/") })
      else {
        throw .damaged(path: file, reason: "\"\(name)\" is not the name of a directory")
      }
      if seen.insert(ExactName(name)).inserted { names.append(name) }
    }
    return (names, true)
  }

  /// Tells `<name>_<k>`, call k of `<name>`, from a module of that name.
  static func calls(of names: Set<ExactName>, step: Int) -> [ExactName: CallKey] {
    var calls: [ExactName: CallKey] = [:]
    // A name's base is shorter, so it is decided before.
    for name in names.sorted(by: { $0.text.utf8.count < $1.text.utf8.count }) {
      let whole = CallKey(step: step, module: DiskName.decode(name.text))
      calls[name] = whole
      let parts = name.text.unicodeScalars
      guard let underscore = parts.lastIndex(of: "_"), underscore != parts.startIndex else {
        continue
      }
      let digits = Substring(parts[parts.index(after: underscore)...])
      guard !digits.isEmpty, digits.utf8.first != UInt8(ascii: "0"), let call = number(digits),
        let base = calls[ExactName(name.text[..<underscore])], base.index == 0
      else { continue }
      calls[name] = CallKey(step: step, module: base.module, index: call)
    }
    return calls
  }
}

// MARK: - The files of one call

extension PlainDirectory {
  private static func contents(
    of call: CallKey, in folder: String
  ) throws(RunError) -> CallContents {
    var contents = CallContents(CallRecord(call: call))
    let names = try DirectoryListing.names(in: folder)
    let descriptions = try RunFile.descriptions(in: folder, among: names)
    contents.record.descriptions = descriptions
    var keys: Set<TensorKey> = []
    for name in names {
      let file = folder + "/" + name
      let tensor: TensorRecord
      // The note of a bare tensor, `outputs.json`, may stand in its description's place.
      if let side = Slot.Side.allCases.first(where: { $0.rawValue + ".json" == name }),
        descriptions[side]?.members?["skipped"] == nil
      {
        continue
      }
      if name.hasSuffix(".pt") {
        let (slot, device) = slotAndDevice(of: stem(of: name, 3))
        tensor = TensorRecord(key: TensorKey(call, device: device, slot: slot))
        contents.files.append((tensor.key, file))
      } else if name.hasSuffix(".json"), let note = try note(at: file) {
        var (slot, device) = slotAndDevice(of: stem(of: name, 5))
        if let noted = note.device.map({ Device($0) }), noted != device {
          device = noted
          slot = Slot(DiskName.decode(String(stem(of: name, 5))))
        }
        tensor = TensorRecord(
          key: TensorKey(call, device: device, slot: slot),
          skipped: try RunFile.skippedTensor(note, device: device, path: file))
      } else {
        continue
      }
      guard keys.insert(tensor.key).inserted else {
        throw .damaged(path: file, reason: "another file is \(tensor.key) as well")
      }
      contents.record.tensors.append(tensor)
    }
    contents.record.markUnrecorded()
    return contents
  }

  /// The note of a skipped tensor; `nil` for any other JSON.
  private static func note(at path: String) throws(RunError) -> SkippedNote? {
    let value = try RunFile.json(at: path, valueLimit: RunFile.smallLimit)
    guard value.members?["skipped"]?.text != nil else { return nil }
    return try RunFile.reading(path) { try SkippedNote(json: value) }
  }

  /// PyTorch's device types, which end a file's name, with an index or without.
  private static let deviceTypes: Set<String> = [
    "cpu", "cuda", "fpga", "gcu", "hip", "hpu", "ideep", "ipu", "lazy", "maia", "meta", "metal",
    "mkldnn", "mlu", "mps", "mtia", "musa", "npu", "opencl", "opengl", "ort", "privateuseone",
    "sdaa", "tpu", "ve", "vulkan", "xla", "xpu",
  ]

  /// A file's name without its ASCII extension.
  private static func stem(of name: String, _ extensionByteCount: Int) -> Substring {
    Substring(name.utf8.dropLast(extensionByteCount))
  }

  /// Splits `inputs_0_cuda_0`; a name that ends in no device is taken to be on the CPU.
  static func slotAndDevice(of stem: Substring) -> (Slot, Device) {
    func slot(_ parts: ArraySlice<String>) -> Slot {
      Slot(DiskName.decode(parts.joined(separator: "_")))
    }
    let parts = stem.parts(separatedBy: "_")[...]
    if parts.count > 2, let index = parts.last, !index.isEmpty, number(index[...]) != nil,
      deviceTypes.contains(parts[parts.count - 2])
    {
      return (slot(parts.dropLast(2)), Device("\(parts[parts.count - 2]):\(index)"))
    }
    if parts.count > 1, let type = parts.last, deviceTypes.contains(type) {
      return (slot(parts.dropLast()), Device(type))
    }
    return (slot(parts), .cpu)
  }
}
