import AssayBase
import AssayTensors
import Foundation
import Testing

@testable import AssayHDF5

/// What goes between the processes, with every byte of it in doubt.
@Suite struct HDF5MessageTests {
  private static let shape = try? Shape([2, 3])

  @Test func requestsComeBack() throws {
    let shape = try #require(Self.shape)
    let slab = HDF5VirtualTensor.Slab(source: 0, from: [0..<2, 1..<3], to: [0..<2, 0..<2])
    let requests: [HDF5Request] = [
      .open(name: "a.h5", byteCount: 1 << 40, folder: nil),
      .open(name: nil, byteCount: 0, folder: "/tmp"),
      .contains(group: [], name: "☕️"), .list(group: ["a", "b"], levels: 3, attributes: ["c"]),
      .dataset(["a"]), .text([]), .textAttribute(group: ["a"], name: "b"),
      .integersAttribute(group: [], name: ""), .elements(["a"], .bfloat16, shape),
      .check(
        HDF5VirtualTensor(
          sources: [HDF5VirtualTensor.Source(file: "b.h5", names: ["x"], shape: shape)],
          slabs: [slab]), .int8, shape),
    ]
    for request in requests {
      #expect(try HDF5Request(request.message) == request)
      for count in 0..<request.message.count {
        #expect(throws: (any Error).self) { try HDF5Request(Array(request.message[..<count])) }
      }
    }
  }

  @Test(arguments: [
    HDF5Error.library(operation: "open", causes: ["a", "b"]), .notHDF5,
    .foreignLink(name: "a", kind: "b", remedy: "c"),
    .unexpected(name: "a", found: "b", expected: ""),
    .unusableText("a"), .unknownType(name: "a", found: "b"),
    .unsupportedDType(name: "a", dtype: "b"), .refusedStorage(name: "a", reason: "b"), .closed,
    .other("a"),
  ])
  func errorsComeBack(_ error: HDF5Error) throws {
    var writer = HDF5MessageWriter()
    writer.add(error)
    var reader = HDF5MessageReader(writer.bytes)
    #expect(try reader.error() == error)
    try reader.finish()
  }

  /// A text of a file may be as long as the file.
  @Test func longErrorsAreCut() throws {
    var writer = HDF5MessageWriter()
    writer.add(HDF5Error.refusedStorage(name: String(repeating: "é", count: 10_000), reason: "a"))
    var reader = HDF5MessageReader(writer.bytes)
    guard case .refusedStorage(let name, "a") = try reader.error() else { throw HDF5Error.closed }
    #expect(name.utf8.count == HDF5MessageWriter.errorTextLimit)
  }

  private static func described(_ dataset: HDF5Dataset) -> [UInt8] {
    var writer = HDF5MessageWriter()
    writer.add(dataset)
    return writer.bytes
  }

  /// Nobody is believed who says that a dataset is where the file is not.
  @Test func datasetsBeyondTheFileAreNonsense() throws {
    let shape = try #require(Self.shape)
    func read(_ location: HDF5Dataset.Location, _ bounds: HDF5FileBounds) throws {
      var reader = HDF5MessageReader(
        Self.described(HDF5Dataset(dtype: .float32, content: .stored(shape, location))))
      _ = try reader.dataset(in: bounds)
    }
    let bounds = HDF5FileBounds(byteCount: 100)
    try read(.range(76..<100, isBigEndian: true), bounds)
    for range in [77..<101, 0..<23, 0..<25, 0..<0] {
      #expect(throws: HDF5MessageReader.Nonsense.self) {
        try read(.range(range, isBigEndian: false), bounds)
      }
    }
    let large = try Shape([1 << 30])
    for (shape, isHeld) in [(shape, true), (large, false)] {
      var reader = HDF5MessageReader(
        Self.described(HDF5Dataset(dtype: .float32, content: .stored(shape, .library))))
      let isRead = (try? reader.dataset(in: bounds)) != nil
      #expect(isRead == isHeld)
    }
  }

  /// Real replies, damaged at random: nothing but an answer or an error may come of them.
  @Test func damagedRepliesAreNonsense() throws {
    let path = FileManager.default.temporaryDirectory
      .appending(component: "assay-\(UUID().uuidString).h5").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let written = try HDF5File(creating: path, for: .archive)
    let group = try written.root.createGroup("a")
    try group.attributes.set("device", text: "cpu")
    let shape = try #require(Self.shape)
    let floats = [UInt8](repeating: 1, count: 24)
    try floats.withUnsafeBytes {
      _ = try group.writeTensor("x", dtype: .float32, shape: shape, bytes: $0)
    }
    try group.writeSkipped(
      "y", dtype: .int8, shape: shape, reason: "large",
      digest: HDF5Digest(figures: "{}", projection: [1, 2], sample: [3]))
    try group.writeText("z", "no tensor")
    try written.close()
    let file = try OpenFile(path: path)
    let child = try HDF5Child(.own, file: file.descriptor, patience: .init())
    _ = try child.ask(.open(name: path, byteCount: file.byteCount, folder: nil)) {
      try HDF5Reply.message(limit: 0, from: $0)
    }
    let message = try child.ask(.list(group: [], levels: 2, attributes: ["device"])) {
      try HDF5Reply.message(limit: 1 << 20, from: $0)
    }
    let bounds = HDF5FileBounds(byteCount: file.byteCount)
    let entries = try Self.listing(framed(message), bounds).links.get()
    guard case .group(let inner) = entries.first?.object else { throw HDF5Error.closed }
    #expect(try inner.links.get().map(\.link.name) == ["x", "y", "z"])
    #expect(try inner.attributes[0].get() == "cpu")
    var generator = SystemRandomNumberGenerator()
    let count = ProcessInfo.processInfo.environment["ASSAY_MUTANTS"].flatMap { Int($0) } ?? 5_000
    for _ in 0..<count {
      var reply = framed(message)
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        reply[Int.random(in: 0..<reply.count, using: &generator)] = .random(in: 0...255)
      }
      if Bool.random() { reply.removeLast(.random(in: 0..<reply.count)) }
      _ = try? Self.listing(reply, bounds)
    }
    for count in 0..<message.count {
      #expect(throws: HDF5MessageReader.Nonsense.self) {
        try Self.listing(framed(Array(message[..<count])), bounds)
      }
    }
  }

  private func framed(_ message: [UInt8]) -> [UInt8] {
    HDF5Reply.header(HDF5Reply.part, byteCount: message.count) + message
      + HDF5Reply.header(HDF5Reply.end, byteCount: 0)
  }

  /// All that is made of a reply, as a function of its bytes.
  private static func listing(
    _ reply: [UInt8], _ bounds: HDF5FileBounds
  ) throws -> HDF5Listing {
    var position = 0
    let message = try HDF5Reply.message(limit: 1 << 20) { buffer in
      guard buffer.count <= reply.count - position else { throw HDF5MessageReader.Nonsense() }
      buffer.copyBytes(from: reply[position..<position + buffer.count])
      position += buffer.count
    }
    var reader = HDF5MessageReader(message)
    let listing = try reader.listing(levels: 2, attributes: 1, in: bounds)
    try reader.finish()
    return listing
  }
}
