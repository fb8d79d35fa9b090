internal import AssayTensors

/// Runs a pickle of protocol 2 to 5 over a closed list of opcodes and globals.
///
/// The result is symbolic: descriptions of tensors and plain values, in tables. No file is touched
/// and no code is called, whatever the pickle says.
struct Unpickler {
  let path: String
  var reader: ByteReader
  var containers: [PickleContainer] = []
  var storages: [StorageReference] = []
  var tensors: [TensorDescription] = []
  /// Why each unreadable object is that.
  var reasons: [String] = []
  /// Storages by key, so that tensors share them.
  var storageIndices: [String: Int] = [:]

  private var stack: [PickleObject] = []
  /// Heights of the stack at each open mark.
  private var marks: [Int] = []
  private var memo: [Int: PickleObject] = [:]
  /// How many steps it took.
  private(set) var operations = 0

  /// More steps than the pickle of any sensible tensor file takes; bounds all tables.
  private static let operationLimit = 1 << 21

  init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0, path: String) {
    reader = ByteReader(bytes, at: position)
    self.path = path
  }

  /// Runs one pickle up to its STOP, and leaves the reader behind it.
  mutating func run() throws(TorchError) -> PickleObject {
    guard reader.read(UInt8.self) == Opcode.proto.rawValue, let version: UInt8 = reader.read(),
      (2...5).contains(version)
    else { throw malformed("no pickle of protocol 2 to 5 at byte \(reader.position)") }
    stack.removeAll()
    marks.removeAll()
    memo.removeAll()
    while true {
      guard let byte: UInt8 = reader.read() else { throw cutShort() }
      guard let opcode = Opcode(rawValue: byte) else {
        throw malformed("the pickle uses opcode \(byte), which tensors do not need")
      }
      try count(1)
      if opcode == .stop { return try pop() }
      try perform(opcode)
    }
  }

  /// Accounts for steps, or for items that one step copies.
  mutating func count(_ steps: Int) throws(TorchError) {
    operations += steps
    guard operations <= Unpickler.operationLimit else {
      throw .excessive(
        path: path, reason: "its pickle takes more than \(Unpickler.operationLimit) steps")
    }
  }

  func malformed(_ reason: String) -> TorchError { .malformed(path: path, reason: reason) }
  func cutShort() -> TorchError { malformed("the pickle ends early") }
}

// MARK: - The stack

extension Unpickler {
  mutating func push(_ object: PickleObject) {
    stack.append(object)
  }

  mutating func pop() throws(TorchError) -> PickleObject {
    guard stack.count > marks.last ?? 0, let object = stack.popLast() else {
      throw malformed("the pickle takes more from its stack than there is")
    }
    return object
  }

  /// Takes the last objects, in the order in which they were pushed.
  mutating func pop(_ count: Int) throws(TorchError) -> [PickleObject] {
    guard stack.count - count >= marks.last ?? 0 else {
      throw malformed("the pickle takes more from its stack than there is")
    }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  mutating func popToMark() throws(TorchError) -> [PickleObject] {
    guard let mark = marks.popLast() else {
      throw malformed("the pickle returns to a mark that it never set")
    }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  func top() throws(TorchError) -> PickleObject {
    guard stack.count > marks.last ?? 0, let object = stack.last else {
      throw malformed("the pickle takes more from its stack than there is")
    }
    return object
  }

  mutating func pushContainer(_ kind: PickleContainer.Kind, _ items: [PickleObject] = []) {
    containers.append(PickleContainer(kind: kind, items: items))
    push(.container(containers.count - 1))
  }

  /// The container that an object refers to, if it is one.
  func container(_ object: PickleObject) -> PickleContainer? {
    guard case .container(let index) = object else { return nil }
    return containers[index]
  }
}

// MARK: - Opcodes

extension Unpickler {
  private mutating func perform(_ opcode: Opcode) throws(TorchError) {
    switch opcode {
    case .stop: break
    case .proto: guard let version: UInt8 = reader.read(), version <= 5 else { throw cutShort() }
    case .frame:
      let count = try size(UInt64.self)
      guard count <= reader.remaining else { throw cutShort() }
    case .mark: marks.append(stack.count)
    case .pop: if stack.count == marks.last { marks.removeLast() } else { _ = try pop() }
    case .popMark: _ = try popToMark()
    case .none: push(.none)
    case .newTrue: push(.bool(true))
    case .newFalse: push(.bool(false))
    case .binInt: push(.integer(Int64(try value(Int32.self))))
    case .binInt1: push(.integer(Int64(try value(UInt8.self))))
    case .binInt2: push(.integer(Int64(try value(UInt16.self))))
    case .long1: push(integer(try text(UInt8.self)))
    case .long4: push(integer(try text(UInt32.self)))
    case .binFloat: push(.number(Double(bitPattern: UInt64(bigEndian: try value(UInt64.self)))))
    case .shortBinUnicode: push(.string(try text(UInt8.self)))
    case .binUnicode: push(.string(try text(UInt32.self)))
    case .binUnicode8: push(.string(try text(UInt64.self)))
    case .shortBinString: push(.string(try text(UInt8.self)))
    case .binString: push(.string(try text(UInt32.self)))
    case .shortBinBytes: push(.bytes(try text(UInt8.self)))
    case .binBytes: push(.bytes(try text(UInt32.self)))
    case .binBytes8, .byteArray8: push(.bytes(try text(UInt64.self)))
    case .emptyTuple: pushContainer(.tuple)
    case .tuple1: pushContainer(.tuple, try pop(1))
    case .tuple2: pushContainer(.tuple, try pop(2))
    case .tuple3: pushContainer(.tuple, try pop(3))
    case .tuple: pushContainer(.tuple, try popToMark())
    case .emptyList: pushContainer(.list)
    case .emptyDictionary: pushContainer(.dictionary)
    case .emptySet: pushContainer(.set)
    case .frozenSet: pushContainer(.set, try popToMark())
    case .addItems: try append(popToMark(), to: .set)
    case .append: try append([pop()], to: .list)
    case .appends: try append(popToMark(), to: .list)
    case .setItem: try set(pop(2))
    case .setItems: try set(popToMark())
    case .binPut: memo[Int(try value(UInt8.self))] = try top()
    case .longBinPut: memo[Int(try value(UInt32.self))] = try top()
    case .memoize: memo[memo.count] = try top()
    case .binGet: push(try recall(Int(try value(UInt8.self))))
    case .longBinGet: push(try recall(Int(try value(UInt32.self))))
    case .global: try pushGlobal()
    case .stackGlobal: try pushStackGlobal()
    case .binPersistentID: push(try storage(for: pop()))
    case .reduce:
      let arguments = try pop()
      push(try call(pop(), arguments))
    case .newObject:
      let arguments = try pop()
      push(try makeNew(pop(), arguments))
    case .build: try build()
    }
  }

  private mutating func value<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type
  ) throws(TorchError) -> Value {
    guard let value: Value = reader.read() else { throw cutShort() }
    return value
  }

  private mutating func size<Size: FixedWidthInteger & BitwiseCopyable>(
    _ type: Size.Type
  ) throws(TorchError) -> Int {
    guard let size = Int(exactly: try value(type)) else { throw cutShort() }
    return size
  }

  /// Passes over bytes that their size precedes.
  private mutating func text<Size: FixedWidthInteger & BitwiseCopyable>(
    _ type: Size.Type
  ) throws(TorchError) -> Range<Int> {
    guard let range = reader.take(try size(type)) else { throw cutShort() }
    return range
  }

  /// A two's complement, little-endian integer of any size.
  private func integer(_ range: Range<Int>) -> PickleObject {
    guard range.count <= 8 else { return .longInteger(range) }
    var value: Int64 = 0
    for (position, byte) in reader.bytes[range].enumerated() {
      value |= Int64(truncatingIfNeeded: UInt64(byte) << (8 * UInt64(position)))
    }
    let unused = Int64(64 - 8 * range.count)
    return .integer(unused == 64 ? 0 : (value << unused) >> unused)
  }

  private func recall(_ slot: Int) throws(TorchError) -> PickleObject {
    guard let object = memo[slot] else {
      throw malformed("the pickle recalls memo \(slot), which it never set")
    }
    return object
  }

  private mutating func append(
    _ items: [PickleObject], to kind: PickleContainer.Kind
  ) throws(TorchError) {
    let target = try top()
    if case .unreadable = target { return }
    guard case .container(let index) = target, containers[index].kind == kind else {
      throw malformed("the pickle appends to something that is no \(kind)")
    }
    containers[index].items += items
  }

  private mutating func set(_ items: [PickleObject]) throws(TorchError) {
    let target = try top()
    if case .unreadable = target { return }
    guard case .container(let index) = target, items.count.isMultiple(of: 2),
      [.dictionary, .orderedDictionary].contains(containers[index].kind)
    else { throw malformed("the pickle sets items of something that is no dictionary") }
    containers[index].items += items
  }
}
