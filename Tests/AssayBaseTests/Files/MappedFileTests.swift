import Foundation
import Testing

@testable import AssayBase

@Suite struct MappedFileTests {
  @Test(arguments: [100, 3 << 20])
  func whatWasForgottenIsReadAgain(byteCount: Int) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let wanted = Data((0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    try wanted.write(to: URL(filePath: path))
    let file = try MappedFile(path: path)
    #expect(file.bytes.elementsEqual(wanted))
    file.forget(file.bytes)
    file.forget(UnsafeRawBufferPointer(rebasing: file.bytes[5..<byteCount - 3]))
    file.forget(UnsafeRawBufferPointer(rebasing: file.bytes[7..<7]))
    #expect(file.bytes.elementsEqual(wanted))
  }
}
