import AssayBase
import AssayTensors
import Foundation
import Testing

@testable import AssayHDF5

/// The child as it is: this test runner, started again.
@Suite final class HDF5ForeignFileTests: Sendable {
  private let path = FileManager.default.temporaryDirectory
    .appending(component: "assay-\(UUID().uuidString).h5").path

  init() throws {
    let file = try HDF5File(creating: path, for: .archive)
    try file.root.attributes.set("text", text: "naïve")
    try file.root.attributes.set("list", integers: [3, -1, 1 << 40])
    try file.root.writeText("words", "one two")
    let group = try file.root.createGroup("a").createGroup("b")
    try group.attributes.set("device", text: "cpu")
    for (name, values) in [("x", [1, 2, 3]), ("y", [4, 5, 6])] as [(String, [Float])] {
      try values.withUnsafeBytes {
        _ = try group.writeTensor(name, dtype: .float32, shape: Shape([3]), bytes: $0)
      }
    }
    try file.close()
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  private func open(_ patience: HDF5Child.Patience = .init()) throws -> HDF5ForeignFile {
    try HDF5ForeignFile(
      OpenFile(path: path), listing: ["device"], folder: nil, patience: patience)
  }

  private func floats(_ name: String, of file: HDF5ForeignFile) throws -> [Float] {
    let shape = try Shape([3])
    let storage = try file.elements(["a", "b", name], dtype: .float32, shape: shape)
    return try Tensor(storage: storage, dtype: .float32, shape: shape).float32Values()
  }

  @Test func everythingComesBack() throws {
    let file = try open()
    #expect(try file.root.text(ofAttribute: "text") == "naïve")
    #expect(try file.root.text(ofAttribute: "none") == nil)
    #expect(try file.root.integers(ofAttribute: "list") == [3, -1, 1 << 40])
    #expect(try file.root.integers(ofAttribute: "none") == nil)
    #expect(try file.root.text(of: "words") == "one two")
    #expect(try file.root.contains("a"))
    #expect(try !file.root.contains("b"))
    let links = try file.root.links()
    #expect(links.map(\.name) == ["a", "words"])
    #expect(throws: HDF5Error.self) { try file.root.text(ofAttribute: "list") }
    let group = try file.root.group(at: links[0])
    let inner = try group.group(at: try #require(try group.links().first))
    #expect(inner.path == "/a/b")
    #expect(try inner.text(ofAttribute: "device") == "cpu")
    for link in try inner.links() {
      guard
        case .stored(let shape, .range(let range, isBigEndian: false)) =
          try inner.dataset(at: link).content
      else { throw HDF5Error.closed }
      #expect(shape.dimensions == [3])
      #expect(range.count == 12)
    }
    #expect(try floats("x", of: file) == [1, 2, 3])
  }

  @Test func whatIsOfAnotherKindIsAnError() throws {
    let file = try open()
    let group = try file.root.group(at: try #require(try file.root.links().first))
    let inner = try group.group(at: try #require(try group.links().first))
    #expect(
      throws: HDF5Error.unexpected(
        name: "/a/b/x", found: "not a group", expected: "a group")
    ) { try inner.group(at: try #require(try inner.links().first)) }
    #expect(
      throws: HDF5Error.unexpected(name: "/a/b", found: "not a dataset", expected: "a dataset")
    ) { try group.dataset(at: try #require(try group.links().first)) }
    #expect(throws: HDF5Error.self) { try file.root.text(of: "none") }
    #expect(throws: HDF5Error.self) {
      try file.elements(["a", "b", "x"], dtype: .int32, shape: Shape([3]))
    }
  }

  @Test func aFileThatIsNoneIsTold() throws {
    #expect(throws: HDF5Error.notHDF5) { try HDF5ForeignFile(OpenFile(path: #filePath)) }
  }

  /// The child has the file itself, and not its name.
  @Test func anotherFileOfTheNameIsNotRead() throws {
    let file = try OpenFile(path: path)
    let copy = path + "2"
    defer { try? FileManager.default.removeItem(atPath: copy) }
    try FileManager.default.moveItem(atPath: path, toPath: copy)
    try Data("nothing".utf8).write(to: URL(filePath: path))
    #expect(try HDF5ForeignFile(file).root.contains("words"))
    try FileManager.default.removeItem(atPath: copy)
    // libhdf5 opens none that has no name any more.
    let error = #expect(throws: HDF5Error.self) { try HDF5ForeignFile(file) }
    #expect(error?.description.contains("could not open \(path)") == true)
  }

  @Test func oneThatIsKilledIsAnErrorAndAnotherIsStarted() throws {
    let file = try open()
    let id = try #require(file.childID)
    #expect(kill(id, SIGKILL) == 0)
    let error = #expect(throws: HDF5Error.self) { try floats("x", of: file) }
    #expect(
      error == .childFailed(operation: "read /a/b/x", ending: .signal(SIGKILL)))
    #expect(file.childID == nil)
    #expect(waitpid(id, nil, WNOHANG) == -1 && errno == ECHILD)
    #expect(try floats("y", of: file) == [4, 5, 6])
  }

  @Test func oneThatCrashesTooOftenIsNotStartedAgain() throws {
    let file = try open()
    for _ in 0..<16 {
      #expect(try floats("y", of: file) == [4, 5, 6])
      kill(try #require(file.childID), SIGSEGV)
      #expect(throws: HDF5Error.self) { try floats("x", of: file) }
    }
    #expect(throws: HDF5Error.childFailed(operation: "read /a/b/y", ending: .tooOften)) {
      try floats("y", of: file)
    }
  }

  @Test func oneThatStopsIsEnded() throws {
    let file = try open(HDF5Child.Patience(silence: .milliseconds(500)))
    let id = try #require(file.childID)
    #expect(kill(id, SIGSTOP) == 0)
    #expect(
      throws: HDF5Error.childFailed(operation: "read /a/b/x", ending: .silent(seconds: 0))
    ) { try floats("x", of: file) }
    #expect(kill(id, 0) == -1)
  }

  #if os(Linux)
  @Test func itIsBoundedAndHasNothingElseOpen() throws {
    let other = try OpenFile(path: #filePath)
    let file = try open()
    _ = try file.root.links()
    let folder = "/proc/\(try #require(file.childID))"
    let limits = try String(contentsOfFile: "\(folder)/limits", encoding: .utf8)
    func limit(_ name: String) -> [Substring] {
      let line = limits.split(separator: "\n").first { $0.hasPrefix(name) }
      return line?.dropFirst(26).split(separator: " ").prefix(2).map { $0 } ?? []
    }
    #expect(limit("Max core file size") == ["0", "0"])
    #expect(limit("Max file size") == ["0", "0"])
    #expect(limit("Max processes") == ["0", "0"])
    let space = limit("Max address space").compactMap { Int($0) }
    #expect(space.count == 2 && space.allSatisfy { (1 << 29..<16 << 30).contains($0) })
    let files = limit("Max open files").compactMap { Int($0) }
    let time = try #require(limit("Max cpu time").first.flatMap { Int($0) })
    #expect((4...60).contains(time))
    let open = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/fd")
      .compactMap { Int($0) }.sorted()
    #expect(open.count <= 6)
    #expect(files == [open.count, open.count])
    let targets = try open.map {
      try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/fd/\($0)")
    }
    #expect(!targets.contains(other.path))
    let real = URL(filePath: path).resolvingSymlinksInPath().path
    #expect(targets.filter { $0 != "/dev/null" && !$0.hasPrefix("socket:") } == [real, real])
  }
  #endif

  @Test func manyThreadsMayAskAtOnce() async throws {
    let file = try open()
    try await withThrowingTaskGroup(of: [Float].self) { group in
      for number in 0..<40 {
        group.addTask { [self] in try floats(number % 2 == 0 ? "x" : "y", of: file) }
      }
      for try await values in group { #expect([[1, 2, 3], [4, 5, 6]].contains(values)) }
    }
  }

  /// Only a child meets a stranger's file.
  @Test func onlyTheChildOpensFiles() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")
    let names = try #require(FileManager.default.enumerator(atPath: root.path))
      .compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") || $0.hasSuffix(".h") }
    func files(with word: String) throws -> [String] {
      try names.filter {
        try String(contentsOf: root.appending(path: $0), encoding: .utf8).contains(word)
      }.sorted()
    }
    #expect(try files(with: "H5Fopen(") == ["AssayHDF5/Library/HDF5File.swift"])
    #expect(try files(with: "H5Fis_hdf5(") == ["AssayHDF5/Library/HDF5File.swift"])
    #expect(
      try files(with: "HDF5File(reading") == [
        "AssayHDF5/Child/HDF5ChildService.swift", "AssayHDF5/Library/HDF5VirtualSources.swift",
      ])
    // What follows virtual datasets is made in the child too.
    #expect(
      try files(with: "HDF5VirtualSources(") + files(with: "HDF5VirtualSources.init") == [
        "AssayHDF5/Child/HDF5ChildService.swift"
      ])
    #expect(try files(with: "HDF5ChildService(") == ["AssayHDF5/Child/HDF5ChildService.swift"])
    #expect(try files(with: "assay_hdf5_serve") == ["AssayHDF5/Child/HDF5ChildService.swift"])
  }
}
