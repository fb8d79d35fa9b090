import AssayComparison
import AssayRuns
import Foundation

/// What only Assay writes, as a start for the fuzzer.
enum Seeds {
  /// Writes a run in all layouts, whole and as digests, and a part of its comparison with itself.
  ///
  /// - Parameters:
  ///   - path: A run.
  ///   - folder: Where the files shall be.
  static func write(_ path: String, to folder: String) throws {
    let run = try openRun(at: path)
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
    let work = try ComparisonWork(actual: run, expected: run, options: ComparisonOptions())
    try ShardedWork(work, count: 1, request: ["--dir1=a", "--dir2=b"]).part(1)
      .write(to: folder + "/part")
  }
}
