import AssayBase
package import AssayTensors
import AssayTorch
import Foundation

/// Reads what SGLang's `DUMPER_ENABLE=1` writes: a directory with a file for each dumped value,
/// `dump_<time>/step=0___rank=0___dump_index=1___name=….pt`.
///
/// A file is a dictionary `{"value": …, "meta": {…}}`. Its name in `meta` says what it is:
/// - `non_intrusive__<module>.inputs.<i>` and `.output` are a module's, which is called `root` where
///   the name is empty. SGLang counts only the tensors of a tuple.
/// - All else is a call of its own name: what user code dumped, `param__…`, `grad__…`, and `positions`,
///   `input_ids` and such, which SGLang dumps under these names whichever module has them.
///
/// The order is that of `dump_index`, and a name that comes again is the next call. A value that
/// holds no tensor, such as `rids`, is the description of its call. The ranks of a run share the
/// directory, and each has a reader.
package final class SGLangDumpReader: RunReader {
  /// The directory of one rank's files.
  package let path: String
  /// What the directory's name and the files' `meta` say.
  package let manifest: RunManifest
  /// The steps, ascending.
  package let steps: [StepRecord]
  /// Which rank's files they are.
  let rank: Int
  /// Where the rank is along SGLang's axes of ranks.
  let places: [String: SGLangMesh.Place]
  /// What the dump says of how its tensors lie on the ranks.
  let declarations: [SGLangDeclaration]
  private let members: [TensorKey: Member]

  private struct Member {
    var file: String
    /// Which of the file's members.
    var position: Int
  }

  /// Reads every file once; nothing of the tensors is kept.
  ///
  /// - Parameter path: The directory that holds the `step=….pt` files.
  /// - Returns: A run for each rank that has files, by rank; at least one.
  /// - Throws: ``RunError`` with the file at fault.
  package static func ranks(at path: String) throws -> [SGLangDumpReader] {
    let names = try DirectoryListing.names(in: path).compactMap { DumpName($0) }
    guard !names.isEmpty else {
      throw RunError.notARun(path: path, reason: "it has no step=…___rank=…___dump_index=….pt")
    }
    return try Dictionary(grouping: names, by: \.rank).sorted { $0.key < $1.key }
      .map { try SGLangDumpReader(path: path, rank: $0.key, names: $0.value) }
  }

  private init(path: String, rank: Int, names: [DumpName]) throws {
    self.path = path
    self.rank = rank
    let loaded = concurrentMap(count: names.count) { position in
      Result { () throws(RunError) in try DumpFile(names[position], in: path) }
    }
    let files = try loaded.map { try $0.get() }.sorted { $0.name.index < $1.name.index }
    for (file, next) in zip(files, files.dropFirst()) where file.name.index == next.name.index {
      throw RunError.damaged(
        path: next.path,
        reason: "\(file.name.file) has the same dump_index: two recordings share the directory; "
          + "move one of them to a directory of its own")
    }
    let places = files.first?.places ?? [:]
    if let other = files.first(where: { $0.places != places }) {
      throw RunError.damaged(
        path: other.path,
        reason: "the rank is elsewhere among the others than \(files[0].name.file) says: two "
          + "recordings share the directory; move one of them to a directory of its own")
    }
    self.places = places
    var declarations: [SGLangDeclaration] = []
    var contents = SGLangContents<Member>()
    var calls = CallCounter()
    for file in files {
      let (call, slot) = calls.next(file)
      contents.change(call) { call in
        if let description = file.description { call.descriptions[.outputs] = description }
      }
      for (position, member) in file.members.enumerated() {
        let slot = member.path.reduce(slot) { $0.appending($1) }
        try contents.add(
          Member(file: file.path, position: position), as: slot, of: call, on: member.device,
          from: file.path)
        declarations.append(
          SGLangDeclaration(
            module: call.module, slot: slot, dims: file.dims, axisCount: member.axisCount))
      }
    }
    self.declarations = declarations
    steps = contents.steps(
      rows: Dictionary(grouping: files, by: \.name.step).compactMapValues(DumpFile.rows))
    members = contents.sources
    let id = URL(filePath: path).standardizedFileURL.lastPathComponent
    var provenance = Provenance.unknown
    provenance.tool = "sglang"
    provenance.rank = rank
    provenance.worldSize = files.lazy.compactMap(\.worldSize).first
    manifest = RunManifest(id: id, provenance: provenance)
  }

  /// Whether a name is that of a dumped value's file.
  static func isDump(_ name: String) -> Bool { DumpName(name) != nil }

  /// Maps one tensor's file.
  ///
  /// - Throws: ``RunError/unreadableTensor(_:path:reason:)``.
  package func tensor(_ key: TensorKey) throws -> Tensor {
    guard let member = members[key] else {
      throw RunError.unreadableTensor(key, path: path, reason: "the run does not hold it")
    }
    func unreadable(_ reason: String) -> RunError {
      .unreadableTensor(key, path: member.file, reason: reason)
    }
    let value: TorchValue?
    do { value = try TorchFile.load(path: member.file).member("value") } catch {
      throw unreadable(error.reason(about: member.file))
    }
    let found = value?.members() ?? []
    guard found.indices.contains(member.position) else { throw unreadable("the file has changed") }
    switch found[member.position].member {
    case .tensor(let tensor): return tensor.on(key.device)
    case .unreadable(let reason): throw unreadable(reason)
    }
  }
}

/// What a dumped value's file is called.
private struct DumpName: Sendable {
  var file: String
  var step: Int
  var rank: Int
  var index: Int

  init?(_ file: String) {
    guard file.hasSuffix(".pt") else { return nil }
    let parts = file.dropLast(3).components(separatedBy: "___")
    guard parts.count > 3, parts[3].hasPrefix("name="),
      let step = Self.number("step=", parts[0]), let rank = Self.number("rank=", parts[1]),
      let index = Self.number("dump_index=", parts[2])
    else { return nil }
    (self.file, self.step, self.rank, self.index) = (file, step, rank, index)
  }

  private static func number(_ key: String, _ text: String) -> Int? {
    text.hasPrefix(key) ? SGLangPassReader.number(text.dropFirst(key.count)) : nil
  }
}

/// What a dumped value's file holds, but for the elements.
private struct DumpFile: Sendable {
  let name: DumpName
  let path: String
  /// What SGLang calls the value.
  let title: String
  /// The tensors of the value, and what may be one and cannot be read.
  let members: [(path: [String], device: Device, axisCount: Int)]
  /// What the value is, where it is no tensor.
  let description: JSONValue?
  let worldSize: Int?
  /// Where the rank is along SGLang's axes of ranks.
  let places: [String: SGLangMesh.Place]
  /// How the tensor lies on the ranks, in SGLang's words.
  let dims: String?
  private let integers: [Int]?
  private let strings: [String]?

  init(_ name: DumpName, in folder: String) throws(RunError) {
    self.name = name
    let path = folder + "/" + name.file
    self.path = path
    let file = try TorchValue(sglang: path)
    guard let value = file.member("value"), let meta = file.member("meta"),
      case .string(let title)? = meta.member("name"), !title.isEmpty
    else {
      throw .damaged(
        path: path,
        reason: "a dump of SGLang is a dictionary of \"value\" and \"meta\", which has a \"name\"; "
          + "remove the file")
    }
    self.title = title
    func integer(_ key: String) -> Int? {
      guard case .integer(let value)? = meta.member(key) else { return nil }
      return Int(value)
    }
    guard integer("step") == name.step, integer("rank") == name.rank,
      integer("dump_index") == name.index
    else {
      throw .damaged(
        path: path,
        reason: "its \"meta\" has another step, rank or dump_index than its name; it was renamed, "
          + "or put in another's place")
    }
    worldSize = integer("world_size")
    places = meta.places
    switch meta.member("dims") {
    case nil, TorchValue.none?: dims = nil
    case .string(let text)?: dims = text
    default: throw .damaged(path: path, reason: "the \"dims\" of its \"meta\" are no text")
    }
    members = value.members().map { path, member in
      switch member {
      case .tensor(let tensor): (path, tensor.device, tensor.shape.rank)
      case .unreadable: (path, .cpu, 0)
      }
    }
    switch value {
    case .tensor, .unreadable: description = nil
    default: description = value.described
    }
    integers = ["positions", "seq_lens"].contains(title) ? value.integers : nil
    strings = title == "rids" ? value.strings : nil
  }

  /// What the files of one step tell of its rows, unless there were several batches.
  static func rows(_ files: [DumpFile]) -> SGLangRows? {
    let lengths = files.filter { $0.title == "seq_lens" }
    guard lengths.count == 1, let lengths = lengths[0].integers,
      let positions = files.first(where: { $0.title == "positions" })?.integers
    else { return nil }
    return SGLangRows(
      positions: positions, lengths: lengths,
      names: files.first { $0.title == "rids" }?.strings)
  }
}

/// Counts the calls of modules by what is dumped of them.
private struct CallCounter {
  private struct Call {
    var key: CallKey
    var slots: Set<Slot> = []
    var hasReturned = false
  }
  private var current: [CallKey: Call] = [:]

  /// The call and the slot of the next value.
  mutating func next(_ file: DumpFile) -> (CallKey, Slot) {
    let (module, slot) = Self.place(file.title)
    let first = CallKey(step: file.name.step, module: module)
    var call = current[first] ?? Call(key: first)
    let isInput = slot.side == .inputs
    if call.slots.contains(slot) || isInput && call.hasReturned {
      call = Call(key: CallKey(step: first.step, module: module, index: call.key.index + 1))
    }
    call.slots.insert(slot)
    if !isInput { call.hasReturned = true }
    current[first] = call
    return (call.key, slot)
  }

  private static func place(_ title: String) -> (module: String, Slot) {
    let prefix = "non_intrusive__"
    guard title.hasPrefix(prefix) else { return (title, Slot("outputs")) }
    let parts = title.dropFirst(prefix.count).parts(separatedBy: ".")
    let count = parts.count
    func module(_ count: Int) -> String {
      count == 0 ? "root" : parts[..<count].joined(separator: ".")
    }
    // The rightmost that fits: modules may be called `output` too.
    if count > 1, parts[count - 2] == "inputs" {
      return (module(count - 2), Slot("inputs").appending(parts[count - 1]))
    }
    if parts[count - 1] == "output" { return (module(count - 1), Slot("outputs")) }
    if count > 1, parts[count - 2] == "output" {
      return (module(count - 2), Slot("outputs").appending(parts[count - 1]))
    }
    if count > 2, parts[count - 3] == "inputs" {
      let slot = Slot("inputs").appending(parts[count - 2]).appending(parts[count - 1])
      return (module(count - 3), slot)
    }
    return (title, Slot("outputs"))
  }
}

extension TorchValue {
  /// What the `meta` of a dump says of where the rank is.
  fileprivate var places: [String: SGLangMesh.Place] {
    var places: [String: SGLangMesh.Place] = [:]
    for framework in ["sglang_parallel_info", "megatron_parallel_info"] {
      guard let info = member(framework) else { continue }
      for axis in SGLangDims.axes {
        guard case .integer(let rank)? = info.member(axis + "_rank"),
          case .integer(let size)? = info.member(axis + "_size"), size > 1, size <= 1 << 16
        else { continue }
        places[axis] = SGLangMesh.Place(rank: Int(rank), size: Int(size))
      }
    }
    return places
  }

  /// The strings of a list of strings.
  fileprivate var strings: [String]? {
    guard case .list(let items) = self else { return nil }
    var strings: [String] = []
    for item in items {
      guard case .string(let text) = item else { return nil }
      strings.append(text)
    }
    return strings
  }
}
