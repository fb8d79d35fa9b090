#if SystemLibraries
package import AssayBase
package import AssayTensors
internal import Foundation

/// A file that libhdf5 reads, in a process of its own: there it may crash.
///
/// That process is this program, started again. It is trusted no more than the file.
package final class HDF5ForeignFile: @unchecked Sendable {
  /// The file, which stays the same one; `nil` where only sources are looked for.
  private let file: OpenFile?
  private let name: String?
  private let folder: String?
  /// The text attributes of groups that are listed with them.
  let listedAttributes: [String]
  let bounds: HDF5FileBounds
  private let program: HDF5Child.Program
  private let patience: HDF5Child.Patience

  private let lock = NSLock()  // guards what follows
  private var child: HDF5Child?
  private var failureCount = 0
  /// So often a process is lost that meets damage in one tensor after the other; of those that take
  /// long, two are enough.
  private static let failureLimit = 16

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - attributes: Text attributes that groups are asked for.
  ///   - readsVirtual: Whether virtual datasets are read, of files in the folder or below.
  /// - Throws: ``HDF5Error``.
  package convenience init(
    _ file: OpenFile, listing attributes: [String] = [], readsVirtual: Bool = false
  ) throws {
    try self.init(
      file, listing: attributes,
      folder: readsVirtual ? HDF5VirtualFolder(beside: file.path).path : nil)
  }

  /// - Parameters:
  ///   - folder: Where sources of virtual datasets may be; `nil` for nowhere.
  ///   - program: What is started; tests have others.
  init(
    _ file: OpenFile?, listing attributes: [String] = [], folder: String?,
    program: HDF5Child.Program = .own, patience: HDF5Child.Patience = .init()
  ) throws {
    (self.file, name, self.folder) = (file, file?.path, folder)
    listedAttributes = attributes
    bounds = HDF5FileBounds(byteCount: file?.byteCount ?? 0, readsVirtual: folder != nil)
    (self.program, self.patience) = (program, patience)
    if let file, !NativeFile.hasSignature(file) { throw HDF5Error.notHDF5 }
    try lock.withLock { child = try start() }
  }

  /// The process, for tests that end it.
  var childID: pid_t? { lock.withLock { child?.id } }

  private func start() throws -> HDF5Child {
    let child = try HDF5Child(program, file: file?.descriptor, patience: patience)
    _ = try child.ask(.open(name: name, byteCount: bounds.byteCount, folder: folder)) {
      try HDF5Reply.message(limit: 0, from: $0)
    }
    return child
  }

  /// Ends the process; what is asked for later starts another.
  package func close() {
    lock.withLock { child = nil }
  }

  /// Asks the process, which is started again where it was lost.
  private func ask<Answer>(
    _ request: HDF5Request, byteCount: Int = 0,
    _ receive: ((UnsafeMutableRawBufferPointer) throws -> Void) throws -> Answer
  ) throws -> Answer {
    try lock.withLock {
      guard failureCount < HDF5ForeignFile.failureLimit else {
        throw HDF5Error.childFailed(
          operation: request.operation, ending: .tooOften)
      }
      let start = SuspendingClock.now
      do {
        let child = try self.child ?? self.start()
        self.child = child
        return try child.ask(request, byteCount: byteCount, receive)
      } catch let error as HDF5Error {
        if case .childFailed = error {
          child = nil
          let isSlow = start.duration(to: .now) > .seconds(3)
          failureCount += isSlow ? HDF5ForeignFile.failureLimit / 2 : 1
        }
        throw error
      }
    }
  }

  /// Asks for a message, and takes all of it apart.
  private func answer<Answer>(
    to request: HDF5Request, limit: Int,
    _ parse: (inout HDF5MessageReader) throws -> Answer
  ) throws -> Answer {
    try ask(request) { read in
      var reader = HDF5MessageReader(try HDF5Reply.message(limit: limit, from: read))
      let answer = try parse(&reader)
      try reader.finish()
      return answer
    }
  }

  /// As much as a message about the file may hold: its own bytes, and what is said around them.
  private var messageLimit: Int { bounds.byteCount + 32 << 20 }

  func contains(_ name: String, in group: [String]) throws -> Bool {
    try answer(to: .contains(group: group, name: name), limit: 1) { try $0.byte() == 1 }
  }

  func listing(of group: [String], levels: Int) throws -> HDF5Listing {
    try answer(
      to: .list(group: group, levels: levels, attributes: listedAttributes), limit: messageLimit
    ) { try $0.listing(levels: levels, attributes: listedAttributes.count, in: bounds) }
  }

  func dataset(_ names: [String]) throws -> HDF5Dataset {
    try answer(to: .dataset(names), limit: messageLimit) { try $0.dataset(in: bounds) }
  }

  func text(_ names: [String]) throws -> String {
    try answer(to: .text(names), limit: bounds.byteCount + 16) { try $0.text() }
  }

  func text(ofAttribute name: String, of group: [String]) throws -> String? {
    try answer(to: .textAttribute(group: group, name: name), limit: 2 << 20) {
      try $0.optional { try $0.text() }
    }
  }

  func integers(ofAttribute name: String, of group: [String]) throws -> [Int]? {
    try answer(to: .integersAttribute(group: group, name: name), limit: 1 << 10) {
      try $0.optional { try $0.list { try $0.integer() } }
    }
  }

  /// Checks that the sources of a virtual dataset are there.
  func check(_ tensor: HDF5VirtualTensor, dtype: DType, shape: Shape) throws {
    try answer(to: .check(tensor, dtype, shape), limit: 0) { _ in }
  }

  /// The root group.
  package var root: any HDF5GroupInput { HDF5ForeignGroup([], of: self, listing: nil) }

  /// Reads a tensor's elements, row-major and little-endian.
  ///
  /// - Parameter names: Those of the links from the root to the dataset.
  package func elements(_ names: [String], dtype: DType, shape: Shape) throws -> Storage {
    let byteCount = shape.elementCount * dtype.byteCount
    guard bounds.canHold(byteCount) else { throw HDF5Error.closed }
    if byteCount > 256 << 20, let rest = AvailableMemory.byteCount, byteCount > rest {
      throw HDF5Error.refusedStorage(
        name: "/" + names.joined(separator: "/"),
        reason: "its \(byteCount) bytes do not fit into the \(rest) that memory has left")
    }
    return try Storage(uninitialized: byteCount) { buffer in
      try ask(.elements(names, dtype, shape), byteCount: byteCount) {
        try HDF5Reply.fill(buffer, from: $0)
      }
    }
  }
}
#endif
