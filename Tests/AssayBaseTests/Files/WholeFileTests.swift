import AssayBase
import Foundation
import Testing

@Suite struct WholeFileTests {
  private final class Folder {
    let folder: ScratchFolder
    init() throws { folder = try ScratchFolder("whole-file") }
    deinit { folder.remove() }
    var names: [String] {
      get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
    }
  }

  private let scratch: Folder
  private var path: String { scratch.folder.path + "/file" }

  init() throws { scratch = try Folder() }

  private func content() throws -> Data { try Data(contentsOf: URL(filePath: path)) }

  @Test(arguments: [true, false]) func takesTheNameOnlyWhenItIsWhole(isDurable: Bool) throws {
    try Data("before".utf8).write(to: URL(filePath: path))
    // More than is buffered, so that some of it is in the file before the end.
    let bytes = [UInt8](repeating: 7, count: 1 << 19)
    let file = try WholeFile(path: path, isDurable: isDurable)
    try file.append([1, 2, 3])
    try file.append(bytes)
    #expect(file.position == bytes.count + 3)
    #expect(try content() == Data("before".utf8))
    #expect(try scratch.names.count == 2)
    try file.commit()
    #expect(try content() == Data([1, 2, 3] + bytes))
    #expect(try scratch.names == ["file"])
  }

  @Test func leavesNothingWhereItIsNotCommitted() throws {
    do {
      let file = try WholeFile(path: path)
      try file.append([1])
    }
    #expect(try scratch.names == [])
  }

  @Test func aNameOfTheGreatestLengthHasRoomBesideIt() throws {
    let name = String(repeating: "é", count: 127)
    try WholeFile.replace(scratch.folder.path + "/" + name, with: Data("whole".utf8))
    #expect(try scratch.names.map { $0.precomposedStringWithCanonicalMapping } == [name])
  }

  @Test func aFailureNamesTheFileAndLeavesWhatIsThere() throws {
    let missing = scratch.folder.path + "/none/file"
    #expect(
      throws: FileError.unwritable(path: missing, reason: "No such file or directory")
    ) { try WholeFile.replace(missing, with: Data()) }
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    let error = #expect(throws: FileError.self) { try WholeFile.replace(path, with: Data()) }
    #expect(error?.description.hasPrefix("cannot write \(path): ") == true)
    #expect(try scratch.names == ["file"])
  }

  @Test func abandonedFilesOfThisNameGoAfterADay() throws {
    let names = [
      FileSystem.temporaryPath(beside: path), FileSystem.temporaryPath(beside: path),
      FileSystem.temporaryPath(beside: path + "2"),
    ]
    for name in names { try Data().write(to: URL(filePath: name)) }
    let old = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: -90_000)]
    for name in [names[0], names[2]] {
      try FileManager.default.setAttributes(old, ofItemAtPath: name)
    }
    FileSystem.removeAbandonedFiles(beside: path)
    #expect(names.map(FileSystem.exists) == [false, true, true])
  }
}
