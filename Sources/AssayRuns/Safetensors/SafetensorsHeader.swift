import AssayBase
import AssayTensors

/// The JSON at the head of a safetensors file, as it was found.
struct SafetensorsHeader {
  /// One entry of the header.
  struct Entry {
    var name: String
    var dtype: String
    var shape: [Int]
    var range: Range<Int>
  }

  var entries: [Entry] = []
  var metadata: [String: String] = [:]

  /// Reads the header's text.
  ///
  /// An own scanner, since a general JSON parser neither sees a key that occurs twice nor bounds
  /// the memory that a hostile header makes it take.
  init(_ text: UnsafeRawBufferPointer) throws(JSONScanner.Failure) {
    var scanner = JSONScanner(text)
    guard scanner.nextByte() == UInt8(ascii: "{") else {
      throw .init("it does not begin with \"{\"")
    }
    var names: Set<String> = []
    try scanner.object { (scanner, name) throws(JSONScanner.Failure) in
      guard names.insert(name).inserted else { throw .init("\"\(name)\" occurs twice") }
      if name == "__metadata__" {
        if scanner.nextByte() == UInt8(ascii: "n") { return try scanner.skipNull() }
        try readMetadata(&scanner)
      } else {
        try readEntry(name, &scanner)
      }
    }
    try scanner.end()
  }

  private mutating func readMetadata(_ scanner: inout JSONScanner) throws(JSONScanner.Failure) {
    try scanner.object { (scanner, key) throws(JSONScanner.Failure) in
      let value: String
      do {
        value = try scanner.string()
      } catch {
        throw .init("__metadata__ \"\(key)\" is not a string")
      }
      guard metadata.updateValue(value, forKey: key) == nil else {
        throw .init("__metadata__ \"\(key)\" occurs twice")
      }
    }
  }

  private mutating func readEntry(
    _ name: String, _ scanner: inout JSONScanner
  ) throws(JSONScanner.Failure) {
    var dtype: String?
    var shape: [Int]?
    var offsets: [Int]?
    try scanner.object { (scanner, key) throws(JSONScanner.Failure) in
      let isNew: Bool
      switch key {
      case "dtype":
        isNew = dtype == nil
        dtype = try scanner.string()
      case "shape":
        isNew = shape == nil
        shape = try scanner.naturals(atMost: 64)
      case "data_offsets":
        isNew = offsets == nil
        offsets = try scanner.naturals(atMost: 2)
      default:
        // As the official reader does: what a later format adds there says nothing to this one.
        return try scanner.skipValue()
      }
      guard isNew else { throw .init("tensor \"\(name)\" has \"\(key)\" twice") }
    }
    guard let dtype, let shape, let offsets else {
      throw .init("tensor \"\(name)\" lacks dtype, shape or data_offsets")
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw .init("tensor \"\(name)\" has data_offsets \(offsets)")
    }
    entries.append(
      Entry(name: name, dtype: dtype, shape: shape, range: offsets[0]..<offsets[1]))
  }
}
