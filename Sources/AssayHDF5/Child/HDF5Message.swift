#if SystemLibraries
internal import AssayTensors

/// A message from one process to the other, as it is put together.
struct HDF5MessageWriter {
  private(set) var bytes: [UInt8] = []

  /// The longest text that an error carries; what a file makes longer is cut.
  static let errorTextLimit = 4096

  mutating func add(_ byte: UInt8) { bytes.append(byte) }

  mutating func add(_ number: UInt64) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func add(_ number: Int) { add(UInt64(bitPattern: Int64(number))) }

  mutating func add(_ data: some Collection<UInt8>) {
    add(data.count)
    bytes.append(contentsOf: data)
  }

  mutating func add(_ text: String) { add(text.utf8) }

  /// A text that may be cut.
  mutating func add(cut text: String) {
    guard text.utf8.count > HDF5MessageWriter.errorTextLimit else { return add(text) }
    add(String(decoding: text.utf8.prefix(HDF5MessageWriter.errorTextLimit), as: UTF8.self))
  }

  mutating func add<Element>(
    list: [Element], _ add: (inout HDF5MessageWriter, Element) throws -> Void
  ) rethrows {
    self.add(list.count)
    for element in list { try add(&self, element) }
  }

  mutating func add<Value>(
    optional value: Value?, _ add: (inout HDF5MessageWriter, Value) throws -> Void
  ) rethrows {
    self.add(value == nil ? 0 : 1 as UInt8)
    if let value { try add(&self, value) }
  }

  mutating func add(_ shape: Shape) { add(list: shape.dimensions) { $0.add($1) } }

  mutating func add(_ dtype: DType) { add(dtype.rawValue) }

  /// Takes what there is so far, to send it.
  mutating func take() -> [UInt8] {
    defer { bytes.removeAll(keepingCapacity: true) }
    return bytes
  }
}

/// A message that the other process sent, which may be anything.
struct HDF5MessageReader {
  private let bytes: [UInt8]
  private var position = 0

  /// A message that is not as it was agreed.
  struct Nonsense: Error {}

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  private var rest: Int { bytes.count - position }

  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= rest else { throw Nonsense() }
    position += count
    return bytes[position - count..<position]
  }

  /// Checks that nothing is left.
  func finish() throws {
    guard rest == 0 else { throw Nonsense() }
  }

  mutating func byte() throws -> UInt8 {
    guard rest > 0 else { throw Nonsense() }
    position += 1
    return bytes[position - 1]
  }

  mutating func number() throws -> UInt64 {
    try take(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A number of this process's size, which may be negative.
  mutating func integer() throws -> Int {
    guard let value = Int(exactly: Int64(bitPattern: try number())) else { throw Nonsense() }
    return value
  }

  mutating func data() throws -> [UInt8] { Array(try take(integer())) }

  mutating func text() throws -> String {
    guard let text = String(validating: try take(integer()), as: UTF8.self) else {
      throw Nonsense()
    }
    return text
  }

  /// A list, whose elements take at least a byte each.
  mutating func list<Element>(
    _ element: (inout HDF5MessageReader) throws -> Element
  ) throws -> [Element] {
    let count = try integer()
    guard count >= 0, count <= rest else { throw Nonsense() }
    var list: [Element] = []
    for _ in 0..<count { list.append(try element(&self)) }
    return list
  }

  mutating func optional<Value>(
    _ value: (inout HDF5MessageReader) throws -> Value
  ) throws -> Value? {
    switch try byte() {
    case 0: nil
    case 1: try value(&self)
    default: throw Nonsense()
    }
  }

  mutating func shape() throws -> Shape {
    guard let shape = try? Shape(try list { try $0.integer() }) else { throw Nonsense() }
    return shape
  }

  mutating func dtype() throws -> DType {
    guard let dtype = DType(rawValue: try text()) else { throw Nonsense() }
    return dtype
  }
}
#endif
