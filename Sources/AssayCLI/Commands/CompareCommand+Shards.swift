import ArgumentParser
import Assay
import Foundation

extension CompareCommand {
  /// The command that asks for the comparison that a part is of.
  ///
  /// - Throws: ``ComparisonError/unusablePart(path:reason:)`` where the part asks for nothing of the
  ///   kind.
  init(asked part: PartialComparison) throws {
    let request = part.head.request
    guard let command = try? CompareCommand.parse(request), (try? command.request) == request else {
      throw ComparisonError.unusablePart(
        path: part.path,
        reason: "it was asked for what this Assay does not know: \(request.joined(separator: " "))")
    }
    self = command
  }

  /// All that decides about the comparison, as arguments that ask for it again.
  var request: [String] {
    get throws {
      let paths = try paths
      let values: [(String, [String])] = [
        ("--dir1", [paths.actual]), ("--dir2", [paths.expected]),
        ("--tolerance", [tolerance.tolerance?.rawValue].compactMap { $0 }),
        ("--tolerance-file", [tolerance.toleranceFile].compactMap { $0 }),
        ("--rtol", [tolerance.rtol].compactMap { $0?.description }),
        ("--atol", [tolerance.atol].compactMap { $0?.description }),
        ("--device-map", deviceMap), ("--steps", [steps].compactMap { $0 }),
        ("--modules", [modules].compactMap { $0 }), ("--mapping", [mapping].compactMap { $0 }),
        ("--align", align == .auto ? [] : [align.rawValue]), ("--request-map", requestMap),
        ("--placements", [placementsOption.path].compactMap { $0 }),
        ("--logits", [logits].compactMap { $0 }), ("--floor", [floor].compactMap { $0 }),
      ]
      return values.flatMap { name, values in values.map { "\(name)=\($0)" } }
        + (tolerance.equalNan ? ["--equal-nan"] : []) + (virtual.isRead ? ["--virtual"] : [])
    }
  }

  /// The SHA-256 of the rule files, which are part of what was asked for.
  private var ruleFiles: [String: String] {
    var hashes: [String: String] = [:]
    for path in [tolerance.toleranceFile, mapping, placementsOption.path].compactMap({ $0 }) {
      // A mapping may be one that comes with Assay, and no file.
      guard let file = try? MappedFile(path: path) else { continue }
      hashes[path] = SHA256.hash(file.withUnsafeBytes { Array($0) }).hexadecimal
    }
    return hashes
  }

  /// Opens the runs, pairs their tensors, and cuts the work.
  func shardedWork(_ count: Int) throws -> ShardedWork {
    ShardedWork(try work(), count: count, request: try request, files: ruleFiles)
  }

  /// Writes what one shard comes to.
  func writePart(_ argument: ShardArgument) throws {
    let (shard, count) = try argument.resolved()
    guard let output = report.output else {
      throw ValidationError("--shard needs --output, the file for the part")
    }
    let work = try shardedWork(count)
    let bar = ProgressBar("comparing")
    defer { bar.clear() }
    try TextOutput.replace(output, with: try work.part(shard, progress: bar.update(_:of:)).data())
  }

  /// Makes the comparison of a part that holds all shards.
  ///
  /// - Throws: ``CommandError/cannotReadAgain(part:reason:)`` where the runs are not there, and what
  ///   a part that does not fit them throws.
  func comparison(of part: PartialComparison) throws -> RunComparison {
    let work: ShardedWork
    do {
      work = try shardedWork(part.head.shardCount)
    } catch {
      throw CommandError.cannotReadAgain(part: part.path, reason: AssayCommand.text(of: error))
    }
    return try work.comparison(of: part)
  }
}
