import Foundation
import Testing

@testable import AssayBase

@Suite struct MappingTableTests {
  /// The process says which file, and leaves with its own status instead of a signal.
  @Test func whatAFileHasLostEndsTheProcessWithWords() async throws {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
      try Data(count: 1 << 22).write(to: URL(filePath: path))
      MappingTable.endOnLoss(status: 2)
      let file = try MappedFile(path: path)
      truncate(path, 1 << 20)
      try FileManager.default.removeItem(atPath: path)
      let last = file.bytes[(1 << 22) - 1]
      exit(last == 0 ? 3 : 4)
    }
    let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(text.contains("became shorter while it was read"))
    #expect(text.hasPrefix("Error: /"))
  }

  @Test func filesThatAreNoLongerMappedAreForgotten() async throws {
    await #expect(processExitsWith: .exitCode(5)) {
      let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
      defer { try? FileManager.default.removeItem(atPath: path) }
      try Data(count: 1 << 21).write(to: URL(filePath: path))
      MappingTable.endOnLoss(status: 2)
      // More than there is room for, one after the other.
      for _ in 0..<3000 {
        let file = try MappedFile(path: path)
        guard file.bytes[1 << 20] == 0 else { exit(4) }
      }
      exit(5)
    }
  }
}
