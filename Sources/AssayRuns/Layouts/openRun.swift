import AssayBase

/// Opens the run that a path means.
///
/// - Parameter path: A run's directory, an `.h5` file, or an output directory that holds exactly
///   one run. A directory that has both layouts is read from its `.pt` files, and while it holds a
///   spool, from that. The directory of a dump of SGLang is a run too: `dump_<time>`, or that of
///   one rank, `TP0_PP0_Rank0_pid<n>`.
/// - Throws: ``RunError``: ``RunError/severalRuns(path:runs:)`` lists them.
public func openRun(at path: String) throws -> any RunReader {
  guard FileSystem.exists(path) else {
    throw RunError.standIn(at: path) ?? .notFound(path: path)
  }
  guard FileSystem.isDirectory(path) else { return try HDF5RunReader(path: path) }
  if let layout = try layout(of: path) { return try open(path, as: layout) }
  var found: [(name: String, layout: Layout)] = []
  for name in try DirectoryListing.names(in: path) {
    let candidate = join(path, name)
    guard FileSystem.isDirectory(candidate) else { continue }
    // What cannot be listed, such as another user's directory, is no run of ours.
    if let layout = try? layout(of: candidate) { found.append((name, layout)) }
  }
  guard let run = found.first else {
    throw RunError.notARun(
      path: path,
      reason:
        "no run.json, step_<n> directory, run.h5, spool.json or dump of SGLang is in it or in a "
        + "directory below it")
  }
  guard found.count == 1 else {
    throw RunError.severalRuns(path: path, runs: found.map { join(path, $0.name) })
  }
  return try open(join(path, run.name), as: run.layout)
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

private func open(_ path: String, as layout: Layout) throws -> any RunReader {
  switch layout {
  case .spool: try SpoolRunReader(path: path)
  case .directory: try DirectoryRunReader(path: path)
  case .hdf5: try HDF5RunReader(path: join(path, "run.h5"))
  case .sglangDump: try SGLangDumpReader(path: path)
  case .sglangPasses: try SGLangPassReader(path: path)
  }
}

private func join(_ path: String, _ name: String) -> String {
  path.hasSuffix("/") ? path + name : path + "/" + name
}
