import ArgumentParser
import Assay
import Foundation

/// Which shard of how many: `2/7`, `slurm`, or `kubernetes/7`; shards count from 1.
struct ShardArgument: ExpressibleByArgument {
  private var text: String

  init?(argument: String) { text = argument }

  /// Which shard of how many it is in an environment, from 1.
  ///
  /// - Throws: `ValidationError` for what is no shard, or where the environment does not tell it.
  func resolved(
    in environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> (shard: Int, count: Int) {
    func number(_ name: String) throws -> Int {
      guard let value = environment[name], let number = Int(value) else {
        throw ValidationError(
          "--shard \(text) takes its number from \(name), which is "
            + (environment[name].map { "\"\($0)\"" } ?? "not set"))
      }
      return number
    }
    let (shard, count): (Int, Int)
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    switch (parts[0], parts.count == 2 ? Int(parts[1]) : nil) {
    case ("slurm", nil) where parts.count == 1:
      let (id, first, last) = (
        try number("SLURM_ARRAY_TASK_ID"), try number("SLURM_ARRAY_TASK_MIN"),
        try number("SLURM_ARRAY_TASK_MAX")
      )
      count = try number("SLURM_ARRAY_TASK_COUNT")
      guard first <= id, id <= last, last - first + 1 == count else {
        throw ValidationError(
          "--shard slurm takes an array without gaps, such as --array=1-7, and this is task \(id) of "
            + "\(count) from \(first) to \(last); name the shard: --shard 2/7")
      }
      shard = id - first + 1
    case ("kubernetes", let completions?):
      shard = try number("JOB_COMPLETION_INDEX") + 1
      count = completions
    case (let name, let whole?):
      guard let own = Int(name) else { throw misfit }
      (shard, count) = (own, whole)
    default: throw misfit
    }
    guard (1...PartialComparison.shardLimit).contains(count), (1...count).contains(shard) else {
      throw ValidationError(
        "--shard \(text) is shard \(shard) of \(count): shards count from 1 to their number, of at "
          + "most \(PartialComparison.shardLimit)")
    }
    return (shard, count)
  }

  private var misfit: ValidationError {
    ValidationError(
      "--shard takes I/N, as in 2/7 for the second of seven, slurm in an array job, or kubernetes/N "
        + "in an indexed job of N completions, not \"\(text)\"")
  }
}
