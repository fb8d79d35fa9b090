import AssayBase

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Opens the run that a path means.
///
/// - Parameter path: A run's directory, an `.h5` file, a fixture (`.safetensors`, `.npz` or `.npy`),
///   or an output directory that holds exactly one run. A directory that has both layouts is read
///   from its `.pt` files, and while it holds a spool, from that. The directory of a dump of SGLang is a run too: `dump_<time>`, with the files
///   of all ranks, or that of one rank, `TP0_PP0_Rank0_pid<n>`. A directory that holds the runs of
///   all ranks of one distributed run, or a pattern of their names such as `runs/vllm-1-rank*`, is
///   one run of whole tensors.
/// - Throws: ``RunError``: ``RunError/severalRuns(path:runs:)`` lists them.
public func openRun(at path: String) throws -> any RunReader {
  try openRun(at: path, placements: nil)
}

/// Opens the run, or the group of ranks, that a path means.
///
/// - Parameters:
///   - path: As above.
///   - placements: How the tensors of a group's ranks make whole ones, instead of what the ranks say,
///     where its mesh has as many ranks; for any other run it means nothing.
///   - readsVirtual: Whether virtual datasets of an HDF5 file that is named are read, whose elements
///     are in other files of its folder or below.
/// - Throws: ``RunError``.
package func openRun(
  at path: String, placements: Placements?, readsVirtual: Bool = false
) throws -> any RunReader {
  guard FileSystem.exists(path) else {
    if let error = RunError.standIn(at: path) { throw error }
    let found = matches(of: path)
    guard !found.isEmpty else { throw RunError.notFound(path: path) }
    return try openOnly(found, at: path, placements)
  }
  guard FileSystem.isDirectory(path) else {
    if FixtureRunReader.isFixture(path) { return try FixtureRunReader(path: path) }
    return try HDF5RunReader(path: path, by: .either, readsVirtual: readsVirtual)
  }
  if let layout = try layout(of: path) { return try open(path, as: layout, placements) }
  var found: [String] = []
  for name in try DirectoryListing.names(in: path) {
    let candidate = join(path, name)
    if FileSystem.isDirectory(candidate) {
      // What cannot be listed, such as another user's directory, is no run of ours.
      if (try? layout(of: candidate)) != nil { found.append(candidate) }
    } else if name.contains(/\.rank[0-9]+\.(h5|hdf5)$/) {
      found.append(candidate)
    }
  }
  guard !found.isEmpty else {
    throw RunError.notARun(
      path: path,
      reason:
        "no run.json, step_<n> directory, run.h5, spool.json or dump of SGLang is in it or in a "
        + "directory below it")
  }
  return try openOnly(found, at: path, placements)
}

/// Opens the only run that was found, or the ranks of the only group.
private func openOnly(
  _ paths: [String], at path: String, _ placements: Placements?
) throws -> any RunReader {
  let first = try openAlone(paths[0], placements)
  guard first.manifest.isOfGroup || paths.count > 1 && first.manifest.provenance?.rank != nil else {
    guard paths.count == 1 else { throw RunError.severalRuns(path: path, runs: paths) }
    return first
  }
  let others = concurrentMap(count: paths.count - 1) { position in
    Result { try openAlone(paths[position + 1], placements) }
  }
  var runs = [first]
  for other in others {
    let run = try other.get()
    guard run.manifest.provenance?.rank != nil else {
      throw RunError.severalRuns(path: path, runs: paths)
    }
    runs.append(run)
  }
  let groups = Set(runs.map { RankGroup.commonID($0.manifest.id) })
  guard groups.count == 1 else { throw RunError.severalRuns(path: path, runs: paths) }
  return try group(runs, at: path, placements)
}

private func group(
  _ runs: [any RunReader], at path: String, _ placements: Placements?
) throws(RunError) -> RankGroup {
  if let placements, placements.mesh.ranks.count == runs.count {
    return try RankGroup(path: path, unordered: runs, placements: placements)
  }
  let dumps = runs.compactMap { $0 as? SGLangDumpReader }
  return try RankGroup(
    path: path, unordered: runs,
    placements: dumps.count == runs.count ? Placements(ofDims: dumps, path: path) : nil)
}

private func openAlone(_ path: String, _ placements: Placements?) throws -> any RunReader {
  guard FileSystem.isDirectory(path) else { return try HDF5RunReader(path: path) }
  guard let layout = try layout(of: path) else {
    throw RunError.notARun(path: path, reason: "it is a directory of something else")
  }
  return try open(path, as: layout, placements)
}

/// The paths that a pattern such as `runs/vllm-1-rank*` names, in natural order.
private func matches(of pattern: String) -> [String] {
  guard pattern.contains(where: { "*?[".contains($0) }) else { return [] }
  var found = glob_t()
  defer { globfree(&found) }
  guard glob(pattern, 0, nil, &found) == 0, let paths = found.gl_pathv else { return [] }
  return (0..<Int(found.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }
    .sorted { NaturalOrder.precedes($0, $1) }
}

private enum Layout {
  case spool
  case directory
  case hdf5
  case sglangDump
  case sglangPasses
}

private func layout(of path: String) throws(RunError) -> Layout? {
  let names = try DirectoryListing.names(in: path)
  // What stands beside it is being made of it.
  if names.contains(SpoolSchema.manifest) { return .spool }
  let isDirectoryRun = names.contains { name in
    name == "run.json"
      || PlainDirectory.step(name) != nil && FileSystem.isDirectory(join(path, name))
  }
  if isDirectoryRun { return .directory }
  if names.contains("run.h5") { return .hdf5 }
  if names.contains(where: SGLangDumpReader.isDump) { return .sglangDump }
  return names.contains { SGLangPassReader.pass($0) != nil } ? .sglangPasses : nil
}

private func open(
  _ path: String, as layout: Layout, _ placements: Placements?
) throws -> any RunReader {
  switch layout {
  case .spool: return try SpoolRunReader(path: path)
  case .directory: return try DirectoryRunReader(path: path)
  case .hdf5: return try HDF5RunReader(path: join(path, "run.h5"))
  case .sglangDump:
    let ranks = try SGLangDumpReader.ranks(at: path)
    return ranks.count == 1 ? ranks[0] : try group(ranks, at: path, placements)
  case .sglangPasses: return try SGLangPassReader(path: path)
  }
}

private func join(_ path: String, _ name: String) -> String {
  path.hasSuffix("/") ? path + name : path + "/" + name
}
