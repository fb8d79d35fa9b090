import AssayBase
package import AssayTensors
import AssayTorch
import Foundation

/// Reads what SGLang writes for `--debug-tensor-dump-output-folder`: a directory a rank with a file
/// for each forward pass, `TP0_PP0_Rank0_pid7/Pass00000.pt`.
///
/// A file is a dictionary from a module's name to its output. SGLang writes it where the inner model
/// (`model`) has run, so what that returned, and what came after it, stands first in the next file:
/// here it belongs to the step that computed it, and the last step lacks it. Of a module that is
/// called twice in a pass SGLang keeps the last output only, and of modules that hold others none.
package final class SGLangPassReader: RunReader {
  /// The directory of one rank.
  package let path: String
  /// What the directory's name says.
  package let manifest: RunManifest
  /// The passes, ascending.
  package let steps: [StepRecord]
  /// Tensors, and what may be one and cannot be read; a file's tensors share one mapping.
  private let values: [TensorKey: TorchValue]

  /// Reads all passes; their tensors stay mapped.
  ///
  /// - Parameter path: The directory that holds `Pass<n>.pt` files.
  /// - Throws: ``RunError`` with the file at fault.
  package init(path: String) throws {
    self.path = path
    var files: [Int: String] = [:]
    for name in try DirectoryListing.names(in: path) {
      guard let pass = Self.pass(name) else { continue }
      if let other = files.updateValue(name, forKey: pass) {
        throw RunError.damaged(path: path, reason: "\(other) and \(name) are the same pass")
      }
    }
    let passes = files.sorted { $0.key < $1.key }
    guard !passes.isEmpty else {
      throw RunError.notARun(path: path, reason: "it has no Pass<n>.pt")
    }
    let loaded = concurrentMap(count: passes.count) { position in
      Result { () throws(RunError) in try PassFile(path + "/" + passes[position].value) }
    }
    let pages = try loaded.map { try $0.get() }
    let root = pages.lazy.compactMap(\.root).first ?? "model"
    var contents = SGLangContents<TorchValue>()
    var rows: [Int: SGLangRows] = [:]
    for (pass, page) in zip(passes.map(\.key), pages) {
      try page.add(to: &contents, step: pass, root: root)
      rows[pass] = page.rows(root: root)
    }
    steps = contents.steps(rows: rows)
    values = contents.sources
    let folder = URL(filePath: path).standardizedFileURL
    var id = folder.lastPathComponent
    var provenance = Provenance.unknown
    provenance.tool = "sglang"
    if let name = PassFolderName(id) {
      let parent = folder.deletingLastPathComponent()
      id = "\(parent.lastPathComponent)-rank\(name.rank)"
      provenance.rank = name.rank
      provenance.worldSize = name.worldSize(among: try DirectoryListing.names(in: parent.path))
    }
    manifest = RunManifest(id: id, provenance: provenance)
  }

  /// The number of a pass's file.
  static func pass(_ name: String) -> Int? {
    guard name.hasPrefix("Pass"), name.hasSuffix(".pt") else { return nil }
    return Self.number(name.dropFirst(4).dropLast(3))
  }

  static func number(_ digits: Substring) -> Int? {
    digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      ? Int(digits) : nil
  }

  /// Gives one tensor of a file that is mapped.
  ///
  /// - Throws: ``RunError/unreadableTensor(_:path:reason:)``.
  package func tensor(_ key: TensorKey) throws -> Tensor {
    switch values[key] {
    case .tensor(let tensor): return tensor
    case .unreadable(let reason):
      throw RunError.unreadableTensor(key, path: path, reason: reason)
    default: throw RunError.unreadableTensor(key, path: path, reason: "the run does not hold it")
    }
  }
}

/// What the directory of a rank's passes is called: `TP0_PP0_Rank0_pid7`.
private struct PassFolderName {
  /// The rank within its stage.
  private var tensorRank: Int
  private var stage: Int
  let rank: Int

  init?(_ name: String) {
    guard let match = name.wholeMatch(of: /TP([0-9]+)_PP([0-9]+)_Rank([0-9]+)_pid[0-9]+/),
      let tensorRank = Int(match.1), let stage = Int(match.2), let rank = Int(match.3),
      max(tensorRank, stage) < 1 << 16
    else { return nil }
    (self.tensorRank, self.stage, self.rank) = (tensorRank, stage, rank)
  }

  /// How many ranks there are, which no name says: as many as the largest coordinates need.
  func worldSize(among names: [String]) -> Int {
    let all = names.compactMap { PassFolderName($0) } + [self]
    let ranks = all.map(\.tensorRank).max() ?? 0
    let stages = all.map(\.stage).max() ?? 0
    return (ranks + 1) * (stages + 1)
  }
}

/// The dictionary that one pass's file holds.
private struct PassFile {
  private let path: String
  private let items: [(name: String, value: TorchValue)]

  private static let batch = ".forward_batch_info."
  private static let stage = ".pp_proxy_tensors."

  init(_ path: String) throws(RunError) {
    self.path = path
    let value = try TorchValue(sglang: path)
    guard case .dictionary(let members) = value else {
      throw .damaged(
        path: path, reason: "a pass of SGLang is a dictionary, and this is none; remove the file")
    }
    var items: [(name: String, value: TorchValue)] = []
    for (key, value) in members {
      guard case .string(let name) = key, !name.isEmpty else {
        throw .damaged(path: path, reason: "one of its keys is no module's name")
      }
      items.append((name, value))
    }
    self.items = items
  }

  /// The module that was given the batch, which is the one after which SGLang writes the file.
  var root: String? {
    items.lazy.compactMap { item in
      item.name.range(of: Self.batch, options: .literal).map { String(item.name[..<$0.lowerBound]) }
    }.first
  }

  func rows(root: String) -> SGLangRows? {
    func integers(_ field: String) -> [Int]? {
      items.first { $0.name.isSame(as: root + Self.batch + field) }?.value.integers
    }
    guard let positions = integers("positions"), let lengths = integers("seq_lens") else {
      return nil
    }
    return SGLangRows(positions: positions, lengths: lengths)
  }

  func add(
    to contents: inout SGLangContents<TorchValue>, step: Int, root: String
  ) throws(RunError) {
    var isOfPassBefore = step > 0 && items.first.map { returnedBy(root, $0.name) } ?? false
    var hasBegun = false
    for (name, value) in items {
      let isBelow = name.begins(with: root + ".")
      if isOfPassBefore, isBelow, !returnedBy(root, name) { isOfPassBefore = false }
      let (module, slot) = Self.place(name)
      let call = CallKey(step: isOfPassBefore ? step - 1 : step, module: module)
      if isBelow, !isOfPassBefore, !hasBegun {
        hasBegun = true
        contents.change(CallKey(step: step, module: root))
      }
      switch value {
      case .tensor, .unreadable: try add(value, as: slot, of: call, to: &contents)
      case .list(let items):
        contents.change(call)
        for (position, item) in items.enumerated() {
          try add(item, as: slot.appending(String(position)), of: call, to: &contents)
        }
      default: throw noTensor(name)
      }
    }
  }

  private func add(
    _ value: TorchValue, as slot: Slot, of call: CallKey,
    to contents: inout SGLangContents<TorchValue>
  ) throws(RunError) {
    let device: Device
    switch value {
    case .tensor(let tensor): device = tensor.device
    case .unreadable: device = .cpu
    default: throw noTensor(call.module)
    }
    try contents.add(value, as: slot, of: call, on: device, from: path)
  }

  private func noTensor(_ name: String) -> RunError {
    .damaged(
      path: path,
      reason: "\"\(name)\" is neither a tensor nor a list of tensors, as SGLang writes them")
  }

  private func returnedBy(_ root: String, _ name: String) -> Bool {
    name.isSame(as: root) || name.begins(with: root + Self.stage)
  }

  private static func place(_ name: String) -> (module: String, Slot) {
    if let marker = name.range(of: batch, options: .literal) {
      let field = name[marker.upperBound...]
      return (String(name[..<marker.lowerBound]), Slot("inputs_forward_batch_info_" + field))
    }
    if let marker = name.range(of: stage, options: .literal) {
      return (String(name[..<marker.lowerBound]), Slot("outputs_" + name[marker.upperBound...]))
    }
    return (name, Slot("outputs"))
  }
}
