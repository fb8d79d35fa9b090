import AssayComparison
import AssayRuns
import Foundation

/// What only Assay writes, as a start for the fuzzer.
enum Seeds {
  /// A run that is there, as the environment says.
  static let run = ProcessInfo.processInfo.environment["ASSAY_FUZZ_RUN"] ?? ""

  /// Writes the run in all layouts, whole and as digests, and a part of its comparison with itself.
  static func write(to folder: String) throws {
    let run = try openRun(at: Seeds.run)
    for keep in TensorKeep.allCases {
      let base = "\(folder)/\(keep.rawValue)"
      for writer: any RunSink in [
        try HDF5RunWriter(path: base + ".golden.h5", mode: .golden, manifest: run.manifest),
        try HDF5RunWriter(path: base + ".recording.h5", mode: .recording, manifest: run.manifest),
        try DirectoryRunWriter(path: base, manifest: run.manifest),
      ] {
        try copyRun(from: run, to: writer, keep: keep)
      }
    }
    for rank in 0..<2 {
      let run = try openRun(at: "\(folder)/ranks/x-rank\(rank)")
      let path = "\(folder)/ranks/x.rank\(rank).h5"
      try copyRun(
        from: run, to: try HDF5RunWriter(path: path, mode: .golden, manifest: run.manifest),
        keep: .full)
    }
    for (name, answer) in try FuzzTarget.childSeeds {
      try Data(answer).write(to: URL(filePath: "\(folder)/\(name).child"))
    }
    try work.get().part(1).write(to: folder + "/part")
  }

  /// The comparison of the run with itself.
  static let work = Result {
    let run = try openRun(at: Seeds.run)
    let work = try ComparisonWork(actual: run, expected: run, options: ComparisonOptions())
    return ShardedWork(work, count: 1, request: ["--dir1=a", "--dir2=b"])
  }
}
