import AssayBase
public import AssayRuns
public import AssayTensors

/// What can be wrong with a checkpoint, or with what a model is asked to do.
public enum LlamaError: Error, Equatable, Sendable {
  /// A file of the checkpoint cannot be read.
  case unreadable(path: String, reason: String)
  /// A file of the checkpoint is not a sound safetensors file.
  case invalidWeights(RunError)
  /// A key of a JSON file is missing or has a value that makes no sense.
  case invalidValue(path: String, key: String, reason: String)
  /// The checkpoint is sound, but needs something that the engine does not do.
  case unsupported(path: String, what: String)
  /// The checkpoint lacks a tensor.
  case missingTensor(String, path: String)
  /// The checkpoint has a tensor that the model has no place for.
  case unexpectedTensor(String, path: String)
  /// Two files of the checkpoint hold the same tensor.
  case duplicateTensor(String, path: String)
  /// A tensor has another shape than the configuration says.
  case misshapenTensor(String, path: String, expected: [Int], found: [Int])
  /// A tensor's elements are not floating point numbers of 16 or 32 bits.
  case unsupportedTensorDType(String, path: String, found: DType)
  /// The engine does not compute in this dtype.
  case unsupportedDType(DType)
  /// There are no tokens to run on.
  case emptyPrompt
  /// A token id is not one of the model's.
  case tokenOutOfVocabulary(Int, vocabularySize: Int)
  /// The tokens reach beyond the positions that the model knows.
  case contextOverflow(positions: Int, limit: Int)
  /// The number of steps is not positive.
  case invalidStepCount(Int)
  /// The number of ranks is not positive.
  case invalidRankCount(Int)
  /// So many ranks cannot share what a key of the configuration counts.
  case unevenSplit(key: String, value: Int, ranks: Int)
  /// The run needs more memory of its own than there is; in bytes.
  case insufficientMemory(needed: Int, available: Int)
  /// A cache belongs to a model of another shape.
  case mismatchedCache
  /// A value put in the place of a module's input or output has an impossible shape.
  case misshapenValue(module: String, expected: [Int], found: [Int])
}

extension LlamaError: CustomStringConvertible {
  /// What is wrong, where, and what was found.
  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "cannot read \(path): \(reason)"
    case .invalidWeights(let error):
      "\(error)"
    case .invalidValue(let path, let key, let reason):
      "\(path): \"\(key)\" \(reason)"
    case .unsupported(let path, let what):
      "\(path): \(what) is not supported"
    case .missingTensor(let name, let path):
      "\(path): tensor \"\(name)\" is missing"
    case .unexpectedTensor(let name, let path):
      "\(path): the model has no place for tensor \"\(name)\""
    case .duplicateTensor(let name, let path):
      "\(path): tensor \"\(name)\" stands in another file of the checkpoint as well"
    case .misshapenTensor(let name, let path, let expected, let found):
      "\(path): tensor \"\(name)\" has shape \(found), config.json asks for \(expected)"
    case .unsupportedTensorDType(let name, let path, let found):
      "\(path): tensor \"\(name)\" is \(found); weights must be float32, bfloat16 or float16"
    case .unsupportedDType(let dtype):
      "the engine does not compute in \(dtype): choose float32, bfloat16 or float16"
    case .emptyPrompt:
      "the prompt has no tokens"
    case .tokenOutOfVocabulary(let id, let size):
      "token id \(id) is not within the vocabulary: ids run from 0 to \(size - 1)"
    case .contextOverflow(let positions, let limit):
      "\(positions) positions are needed, the model knows \(limit) (max_position_embeddings)"
    case .invalidStepCount(let steps):
      "\(steps) steps: at least 1 is needed"
    case .invalidRankCount(let ranks):
      "\(ranks) ranks: at least 1 is needed"
    case .unevenSplit(let key, let value, let ranks):
      "\(ranks) ranks cannot share \(key) \(value): the number of ranks must divide it"
        + (key == Shard.keyValueHeadsKey ? ", or be a multiple of it" : "")
    case .insufficientMemory(let needed, let available):
      "the run needs \(megabytes(needed)) of memory beside the mapped weights, "
        + "\(megabytes(available)) are available: take a shorter prompt or fewer steps"
    case .mismatchedCache:
      "the cache was filled by a model of another shape"
    case .misshapenValue(let module, let expected, let found):
      "\(module) was given shape \(found) where \(expected) belongs"
    }
  }
}

/// A size for a message.
private func megabytes(_ bytes: Int) -> String {
  "\(bytes / 1_000_000) MB"
}
