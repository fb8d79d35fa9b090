import Testing

@testable import AssayHDF5

@Suite struct NativeDatatypeTests {
  /// As many types within types as a message has room for: none may be followed by recursion.
  @Test(arguments: [
    [0x38, 2, 0, 0, 1, 0, 0, 0] as [UInt8], [0x36, 2, 0, 0, 8, 0, 0, 0, 0x72, 0, 0],
  ])
  func typesWithinTypesAreNotFollowed(header: [UInt8]) throws {
    let message = Array([[UInt8]](repeating: header, count: 65_000 / header.count).joined())
    let window = NativeWindow(address: 0, byteCount: message.count)
    window.bytes.copyBytes(from: message)
    var cursor = NativeCursor(NativeBytes(window, start: 0, count: message.count))
    #expect(throws: HDF5Unread.self) { try NativeDatatype.read(&cursor) }
  }

  /// The same reader takes the booleans of h5py: an enumeration over one signed byte.
  @Test func booleansAreRead() throws {
    let message: [UInt8] =
      [0x38, 2, 0, 0, 1, 0, 0, 0, 0x30, 8, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]
      + Array("FALSE\0TRUE\0".utf8) + [0, 1]
    let window = NativeWindow(address: 0, byteCount: message.count)
    window.bytes.copyBytes(from: message)
    var cursor = NativeCursor(NativeBytes(window, start: 0, count: message.count))
    #expect(try NativeDatatype.read(&cursor).type == .boolean)
  }
}
