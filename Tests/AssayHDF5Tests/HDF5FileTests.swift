import AssayBase
import AssayTensors
import Foundation
import Testing

@testable import AssayHDF5

@Suite final class HDF5FileTests {
  private let path = FileManager.default.temporaryDirectory
    .appending(component: "assay-\(UUID().uuidString).h5").path

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and opens it again.
  private func reopened(
    _ purpose: HDF5File.Purpose, _ body: (HDF5Group) throws -> Void
  ) throws -> HDF5File {
    let file = try HDF5File(creating: path, for: purpose)
    try body(file.root)
    try file.close()
    return try HDF5File(reading: path)
  }

  @Test(arguments: [HDF5File.Purpose.recording, .archive], ["", "a", "naïve ☕️"])
  func textsComeBack(_ purpose: HDF5File.Purpose, _ text: String) throws {
    let file = try reopened(purpose) { root in
      try root.attributes.set("text", text: text)
      try root.writeText("text", text)
    }
    #expect(try file.root.attributes.text("text") == text)
    #expect(try file.root.attributes.text("none") == nil)
    #expect(try file.root.readText("text", fileByteCount: 1 << 20) == text)
  }

  #if os(Linux)
  /// A process that is being started holds all open files for a moment.
  @Test func aFileThatIsClosedIsLockedByNobody() throws {
    let file = try HDF5File(creating: path, for: .recording)
    let descriptor = try #require(
      (3..<1024).first {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))
          == path
      })
    let held = dup(Int32(descriptor))
    defer { close(held) }
    let other = open(path, O_RDONLY)
    defer { close(other) }
    #expect(flock(other, LOCK_SH | LOCK_NB) != 0)
    try file.close()
    #expect(flock(other, LOCK_SH | LOCK_NB) == 0)
  }
  #endif

  @Test func integersComeBack() throws {
    let file = try reopened(.archive) { root in
      try root.attributes.set("list", integers: [3, -1, 1 << 40])
      try root.attributes.set("none", integers: [])
      try root.attributes.set("byte", byte: -2)
    }
    #expect(try file.root.attributes.integers("list") == [3, -1, 1 << 40])
    #expect(try file.root.attributes.integers("none") == [])
    #expect(try file.root.attributes.integers("byte") == [-2])
    #expect(throws: HDF5Error.self) { try file.root.attributes.text("list") }
  }

  @Test func linksAreListedByNameAndAsMade() throws {
    let file = try reopened(.archive) { root in
      let group = try root.createGroup("ordered", order: .creation)
      for name in ["c", "a", "b"] { _ = try group.createGroup(name) }
      try group.link("0", to: "a", from: group)
    }
    let group = try file.root.group("ordered")
    #expect(try group.links().map(\.name) == ["0", "a", "b", "c"])
    #expect(try group.links(order: .creation).map(\.name) == ["c", "a", "b", "0"])
    let addresses = try Dictionary(
      uniqueKeysWithValues: group.links().map { ($0.name, $0.address) })
    #expect(addresses["0"] == addresses["a"])
    #expect(Set(addresses.values).count == 3)
  }

  @Test func aGroupWithoutALinkIsGone() throws {
    let file = try reopened(.recording) { root in
      let kept = try root.createUnlinkedGroup("kept")
      _ = try kept.createGroup("inside")
      try root.link(kept)
      _ = try root.createUnlinkedGroup("lost").createGroup("inside")
    }
    #expect(try file.root.links().map(\.name) == ["kept"])
    #expect(try file.root.group("kept").links().map(\.name) == ["inside"])
  }

  @Test func libhdf5sWordsAreInTheError() throws {
    let file = try reopened(.archive) { root in
      _ = try root.createGroup("a")
      do {
        _ = try root.createGroup("a")
        Issue.record("a name was taken twice")
      } catch HDF5Error.library(let operation, let causes) {
        #expect(operation == "create the group /a")
        #expect(causes.contains("name already exists"))
      }
    }
    #expect(throws: HDF5Error.self) { try file.root.group("none") }
  }

  @Test(arguments: ["", ".", "a/b", "a\u{0}b"])
  func namesThatMeanSomethingElseAreRefused(_ name: String) throws {
    let file = try reopened(.archive) { root in
      _ = try root.createGroup("a")
      #expect(throws: HDF5Error.unusableText(name)) { try root.createGroup(name) }
    }
    #expect(throws: HDF5Error.unusableText(name)) { try file.root.group(name) }
  }

  @Test func aTensorsBytesLieInOnePiece() throws {
    let values: [Float] = [1, 2, 3]
    let file = try reopened(.recording) { root in
      try values.withUnsafeBytes {
        _ = try root.writeTensor("t", dtype: .float32, shape: Shape([3]), bytes: $0)
      }
    }
    let size = try MappedFile(path: path).byteCount
    let dataset = try file.root.dataset("t", fileByteCount: size)
    guard case .stored(let shape, .range(let range, isBigEndian: false)) = dataset.content else {
      Issue.record("\(dataset.content)")
      return
    }
    #expect(shape.dimensions == [3])
    let bytes = try Data(contentsOf: URL(filePath: path))[range]
    #expect(Array(bytes) == values.withUnsafeBytes { Array($0) })
    #expect(throws: HDF5Error.self) {
      try file.root.dataset("t", fileByteCount: range.upperBound - 1)
    }
  }

  @Test func manyThreadsMayUseFilesAtOnce() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(component: "assay-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let counts = try await withThrowingTaskGroup(of: Int.self) { group in
      for thread in 0..<4 {
        group.addTask {
          let path = folder.appending(component: "\(thread).h5").path
          let file = try HDF5File(creating: path, for: .archive)
          for i in 0..<50 { try file.root.createGroup("g\(i)").attributes.set("a", text: "\(i)") }
          try file.close()
          return try HDF5File(reading: path).root.links().count
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(counts == [50, 50, 50, 50])
  }
}
