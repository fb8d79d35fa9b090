internal import AssayTensors

/// What stands on the stack of the pickle machine: a small value or an index into its tables.
///
/// Objects hold no references, so that neither cycles nor deep nesting can hurt when they go.
enum PickleObject {
  case none
  case bool(Bool)
  case integer(Int64)
  /// An integer beyond 64 bits: its two's complement bytes in the pickle.
  case longInteger(Range<Int>)
  case number(Double)
  /// UTF-8 text in the pickle.
  case string(Range<Int>)
  /// Bytes in the pickle.
  case bytes(Range<Int>)
  /// Bytes that stand in the pickle as text of the characters U+0000 to U+00FF.
  case latin1(Range<Int>)
  /// An index into the containers.
  case container(Int)
  case global(TorchGlobal)
  /// An index into the storages.
  case storage(Int)
  /// An index into the tensors.
  case tensor(Int)
  /// What cannot be read though the file is sound: an index into the reasons.
  case unreadable(Int)
}

extension PickleObject {
  /// What the object is, as it may stand in a message.
  var kind: String {
    switch self {
    case .none: "None"
    case .bool: "a bool"
    case .integer, .longInteger: "an integer"
    case .number: "a float"
    case .string: "a string"
    case .bytes, .latin1: "bytes"
    case .container: "a container"
    case .global: "a global"
    case .storage: "a storage"
    case .tensor: "a tensor"
    case .unreadable: "something unreadable"
    }
  }
}

/// A list, tuple, dictionary or other composed object of the pickle machine.
struct PickleContainer {
  enum Kind {
    case list, tuple, dictionary, orderedDictionary, set
    /// The real and the imaginary part.
    case complex
    /// The arguments of a `torch.device`.
    case device
    /// A numpy dtype: its code, and behind that its byte order where its state was set.
    case numpyDType
    /// A numpy array's state: version, shape, dtype, whether its first axis is contiguous, bytes, and
    /// where axes were exchanged their order.
    case numpyArray
  }

  var kind: Kind
  /// The items; a dictionary's keys and values in turn.
  var items: [PickleObject] = []
}

/// A storage that the pickle refers to by its key.
struct StorageReference: Equatable {
  var key: String
  /// The element type; `nil` for an untyped storage, which counts bytes.
  var dtype: DType?
  var elementCount: Int
  var location: String
  /// The part that a legacy file's view of another storage shows, in elements.
  var view: Range<Int>?
  /// The elements themselves, where they stand in the pickle.
  var embedded: EmbeddedBytes?

  var elementSize: Int { dtype?.byteCount ?? 1 }
}

/// The elements of a numpy array, which stand in the pickle.
struct EmbeddedBytes: Equatable {
  var range: Range<Int>
  /// Whether the bytes are written as text of the characters U+0000 to U+00FF.
  var isLatin1: Bool
  var isBigEndian: Bool
}

/// A tensor as the pickle describes it, not yet checked against its storage.
struct TensorDescription {
  var storage: Int
  var dtype: DType
  var offset: Int
  var size: [Int]
  var strides: [Int]
  var isConjugate = false
  var isNegative = false
  /// The device, where another one than the storage's location.
  var device: String?
  /// Whether float32 elements stand for bfloat16 ones, which numpy does not know.
  var isWidened = false
}
