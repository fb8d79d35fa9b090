public import AssayTensors

/// What keeps a comparison from being made.
public enum ComparisonError: Error, Equatable, Sendable {
  /// A tolerance is negative, infinite or NaN.
  case invalidTolerance(name: String, value: String)
  /// A quantile lies outside 0...1.
  case invalidQuantile(String)
  /// The two tensors of a pair have different shapes.
  case shapesDiffer(actual: Shape, expected: Shape)
  /// The two tensors of a pair have different element types.
  case dtypesDiffer(actual: DType, expected: DType)
  /// A bound of figures cannot be read.
  case invalidBound(String, reason: String)
  /// A list of tolerance or mapping rules cannot be read; `rule` counts from 1.
  case invalidRules(source: String, rule: Int?, line: Int?, reason: String)
  /// Runs cannot serve as samples of legitimate noise.
  case cannotCalibrate(reason: String)
  /// Runs hold no elements to try rules on.
  case nothingToTry(paths: [String])
  /// A comparison that goes on while the model runs was given a mapping.
  case mappingWhileRunning
  /// What a run says of its rows contradicts itself.
  case unusableRows(path: String, step: Int, reason: String)
  /// A comparison by rows was asked for that cannot be made.
  case cannotAlignRows(reason: String)
  /// One rank of a group was to be compared with what is no such rank.
  case loneRank(path: String, rank: Int, worldSize: Int)
  /// Matching a pattern was given up.
  case unfinishedPattern(UnfinishedPattern)
  /// A part of a comparison cannot be read, or does not go with the others.
  case unusablePart(path: String, reason: String)
  /// Shards of a comparison, counted from 1, are in none of its parts.
  case missingShards([Int], count: Int)
}

extension ComparisonError: CustomStringConvertible {
  /// What is wrong, in one sentence.
  public var description: String {
    switch self {
    case .invalidTolerance(let name, let value):
      "\(name) is \(value), but a tolerance must be a finite number that is not negative"
    case .invalidQuantile(let value):
      "\(value) is not a quantile: it must lie from 0 to 1"
    case .shapesDiffer(let actual, let expected):
      "cannot compare values: actual has shape \(actual), expected \(expected)"
    case .dtypesDiffer(let actual, let expected):
      "cannot compare values: actual is \(actual.torchName), expected \(expected.torchName)"
    case .invalidBound(let text, let reason):
      "the bound \"\(text)\" cannot be read: \(reason)"
    case .invalidRules(let source, let rule, let line, let reason):
      source + (rule.map { ", rule \($0)" } ?? "") + (line.map { " (line \($0))" } ?? "")
        + ": \(reason)"
    case .cannotCalibrate(let reason):
      "cannot calibrate: \(reason)"
    case .nothingToTry(let paths):
      "\(paths.joined(separator: ", ")): no tensor has its elements there, all were skipped or kept as "
        + "digests; rules are tried on a full run"
    case .mappingWhileRunning:
      "a mapping pairs whole runs, and this comparison is made while the model runs; record the "
        + "run and compare it then"
    case .unusableRows(let path, let step, let reason):
      "\(path): the rows of step \(step) contradict themselves: \(reason)"
    case .cannotAlignRows(let reason):
      "cannot compare by rows: \(reason)"
    case .loneRank(let path, let rank, let worldSize):
      "\(path) is rank \(rank) of \(worldSize), whose tensors may be parts of whole ones: name the "
        + "directory that holds all ranks, or a pattern of their names"
    case .unfinishedPattern(let pattern):
      pattern.description
    case .unusablePart(let path, let reason):
      "\(path) cannot be merged: \(reason)"
    case .missingShards(let shards, let count):
      "\(shards.count == 1 ? "shard" : "shards") "
        + shards.prefix(8).map(String.init).joined(separator: ", ")
        + (shards.count > 8 ? " and \(shards.count - 8) more" : "")
        + " of \(count) \(shards.count == 1 ? "is" : "are") in no part: without all of them there is "
        + "no verdict; compare with --shard \(shards.first ?? 1)/\(count), and merge that part too"
    }
  }
}
