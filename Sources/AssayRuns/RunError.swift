package import AssayBase
public import AssayTensors

/// What can go wrong with a recorded run.
public enum RunError: Error, Equatable, Sendable {
  /// There is nothing at the path.
  case notFound(path: String)
  /// Something stands in the file's place that tells how to get it: a git-lfs pointer, say.
  case standIn(path: String, reason: String)
  /// The path holds neither layout.
  case notARun(path: String, reason: String)
  /// A directory holds several runs, of which one must be named.
  case severalRuns(path: String, runs: [String])
  /// A file of the run is damaged or contradicts the layout.
  case damaged(path: String, reason: String)
  /// A file is sound, but holds something that Assay does not read.
  case unsupported(path: String, reason: String)
  /// A tensor of the run cannot be read.
  case unreadableTensor(TensorKey, path: String, reason: String)
  /// The runs of several ranks do not make one.
  case unusableGroup(path: String, reason: String)
  /// A placements file, or what a run says of its placements, is not what was expected.
  case invalidPlacements(source: String, rule: Int?, reason: String)
  /// The tensors of several ranks do not make a whole one as it was declared.
  case misplacedTensor(TensorKey, reason: String)
  /// Ranks that were to hold the same tensor do not.
  case differingReplicas(TensorKey, reason: String)
  /// Two tensors of one call would have the same name on disk.
  case duplicateSlot(TensorKey)
  /// A name cannot stand on disk.
  case unusableName(String, reason: String)
  /// A file could not be written.
  case writeFailed(path: String, reason: String)
  /// The run is already there.
  case alreadyExists(path: String)
  /// A checkpoint holds other weights than those that a recipe was recorded with.
  case otherWeights(expected: String, actual: String, path: String)
  /// A recipe does not tell which weights it was recorded with.
  case unknownWeights(path: String)
}

extension RunError {
  /// What a file that cannot be read or written means for a run.
  package init(_ error: FileError) {
    switch error {
    case .unreadable(let path, let reason): self = .damaged(path: path, reason: reason)
    case .unwritable(let path, let reason): self = .writeFailed(path: path, reason: reason)
    }
  }

  /// Says so where a file was not fetched.
  package static func standIn(at path: String, isText: Bool = false) -> RunError? {
    StandIn(at: path, isText: isText).map { .standIn(path: path, reason: $0.text) }
  }
}

extension RunError: CustomStringConvertible {
  /// What was found and what to do, for people.
  public var description: String {
    switch self {
    case .notFound(let path):
      "\(path): no such file or directory"
    case .standIn(let path, let reason):
      "\(path) \(reason)"
    case .notARun(let path, let reason):
      "\(path) is not a recorded run: \(reason)"
    case .severalRuns(let path, let runs):
      "\(path) holds \(runs.count) runs; name one of them:\n"
        + runs.map { "  \($0)" }.joined(separator: "\n")
    case .damaged(let path, let reason):
      "\(path) is damaged: \(reason)"
    case .unsupported(let path, let reason):
      "\(path): \(reason)"
    case .unreadableTensor(let key, let path, let reason):
      "cannot read \(key) from \(path): \(reason)"
    case .unusableGroup(let path, let reason):
      "\(path): \(reason)"
    case .invalidPlacements(let source, let rule, let reason):
      source + (rule.map { ", rule \($0)" } ?? "") + ": \(reason)"
    case .misplacedTensor(let key, let reason), .differingReplicas(let key, let reason):
      "\(key): \(reason)"
    case .duplicateSlot(let key):
      "two tensors would be stored as \(key); rename one of the container's keys"
    case .unusableName(let name, let reason):
      "\"\(name)\" cannot be a name on disk: \(reason)"
    case .writeFailed(let path, let reason):
      "cannot write \(path): \(reason)"
    case .alreadyExists(let path):
      "\(path) already exists; remove it or choose another place"
    case .otherWeights(let expected, let actual, let path):
      "\(path) holds other weights than the golden was recorded with: its hash is \(actual), the "
        + "golden's recipe has \(expected); give the golden's checkpoint, or allow other weights "
        + "if the difference is what you want to see"
    case .unknownWeights(let path):
      "the golden's recipe has no model_hash, so nothing tells whether \(path) holds its weights; "
        + "allow other weights to replay it all the same"
    }
  }
}
