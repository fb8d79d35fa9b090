#if SystemLibraries
internal import AssayTensors
internal import CAssayChild
internal import Foundation

/// What the child does: it answers until nobody asks any more.
///
/// It is called before `main`, where a program is started as a child of itself.
@_cdecl("assay_hdf5_serve")
package func serveHDF5() {
  HDF5ChildService().run()
}

/// The other end of ``HDF5Child``: reads a file by libhdf5, and is the only one who does.
private final class HDF5ChildService {
  private let socket = ASSAY_CHILD_SOCKET
  private var file: HDF5File?
  private var fileByteCount = 0
  private var sources: HDF5VirtualSources?
  /// What was listed: an object that has several names is looked at once.
  private var known: Set<UInt64> = []
  private var reply = HDF5MessageWriter()
  private var lastSent = SuspendingClock.now

  private static let partByteCount = 1 << 16
  /// Of processor time, from one thing that is read to the next.
  private static let seconds: UInt64 = 2

  func run() {
    while let request = receive() {
      assay_child_bound_time(HDF5ChildService.seconds)
      do {
        try answer(request)
        send(reply.take())
        send(HDF5Reply.end, [])
      } catch {
        _ = reply.take()
        var message = HDF5MessageWriter()
        message.add(error)
        send(HDF5Reply.failure, message.bytes)
      }
    }
  }

  private func answer(_ request: HDF5Request) throws {
    switch request {
    case .open(let name, let byteCount, let folder):
      try open(name, byteCount: byteCount, folder: folder)
    case .contains(let names, let name):
      reply.add(try group(names).contains(name) ? 1 : 0 as UInt8)
    case .list(let names, let levels, let attributes):
      try list(group(names), levels: levels, attributes: attributes)
    case .dataset(let names):
      let (group, name) = try place(names)
      reply.add(try group.dataset(name, fileByteCount: fileByteCount))
    case .text(let names):
      let (group, name) = try place(names)
      reply.add(try group.readText(name, fileByteCount: fileByteCount))
    case .textAttribute(let names, let name):
      reply.add(optional: try group(names).attributes.text(name)) { $0.add($1) }
    case .integersAttribute(let names, let name):
      reply.add(optional: try group(names).attributes.integers(name)) { writer, values in
        writer.add(list: values) { $0.add($1) }
      }
    case .elements(let names, let dtype, let shape):
      let (group, name) = try place(names)
      try group.readTensor(
        name, dtype: dtype, shape: shape, fileByteCount: fileByteCount,
        willRead: { byteCount in
          // At the least speed of what has to be unpacked.
          assay_child_bound_time(HDF5ChildService.seconds + UInt64(byteCount / 20_000_000))
        },
        take: { bytes in
          for start in stride(from: 0, to: bytes.count, by: HDF5Reply.partLimit) {
            let part = UnsafeRawBufferPointer(
              rebasing: bytes[start..<min(start + HDF5Reply.partLimit, bytes.count)])
            HDF5Reply.header(HDF5Reply.part, byteCount: part.count).withUnsafeBytes { send($0) }
            send(part)
          }
        })
    case .check(let tensor, let dtype, let shape):
      guard let sources else { throw HDF5Error.closed }
      try sources.check(tensor, dtype: dtype, shape: shape)
    }
  }

  /// Gives up what is not needed, and then opens the file.
  private func open(_ name: String?, byteCount: Int, folder: String?) throws {
    fileByteCount = byteCount
    // Blocks that are packed and unpacked; of sources nobody knows the size yet.
    let (needed, overflow) = byteCount.multipliedReportingOverflow(by: 4)
    assay_child_bound(overflow ? .max / 2 : UInt64(needed) + (folder == nil ? 1 << 29 : 8 << 30))
    sources = folder.map(HDF5VirtualSources.init(folder:))
    guard let name else { return }
    // The same file that the parent has open, whatever its name has come to mean.
    let path =
      FileManager.default.fileExists(atPath: "/proc/self/fd")
      ? "/proc/self/fd/\(ASSAY_CHILD_FILE)" : "/dev/fd/\(ASSAY_CHILD_FILE)"
    file = try HDF5File(reading: path, named: name, sources: sources)
    if folder == nil { assay_child_bound_files() }
  }

  private func group(_ names: some Collection<String>) throws -> HDF5Group {
    guard var group = file?.root else { throw HDF5Error.closed }
    for name in names { group = try group.group(name) }
    return group
  }

  private func place(_ names: [String]) throws -> (HDF5Group, String) {
    (try group(names.dropLast()), names.last ?? "")
  }

  // MARK: Listing

  private func list(_ group: HDF5Group, levels: Int, attributes: [String]) throws {
    typealias Mark = HDF5ListingMark
    for name in attributes {
      do {
        if let text = try group.attributes.text(name) {
          reply.add(Mark.text)
          reply.add(text)
        } else {
          reply.add(Mark.none)
        }
      } catch {
        reply.add(Mark.failure)
        reply.add(error)
      }
    }
    let links: [HDF5Link]
    do { links = try group.links() } catch {
      reply.add(Mark.failure)
      reply.add(error)
      return
    }
    reply.add(Mark.links)
    reply.add(links.count)
    for link in links {
      reply.add(link.name)
      reply.add(link.address)
      try list(link, of: group, levels: levels, attributes: attributes)
      sendSome()
    }
  }

  private func list(
    _ link: HDF5Link, of group: HDF5Group, levels: Int, attributes: [String]
  ) throws {
    typealias Mark = HDF5ListingMark
    guard levels > 0, known.insert(link.address).inserted else {
      return reply.add(Mark.unknown)
    }
    let object: HDF5Group.Object
    do { object = try group.object(link.name, fileByteCount: fileByteCount) } catch {
      reply.add(Mark.closed)
      reply.add(error)
      return
    }
    switch object {
    case .group(let group):
      reply.add(Mark.group)
      try list(group, levels: levels - 1, attributes: attributes)
    case .dataset(.success(let dataset)):
      reply.add(Mark.dataset)
      reply.add(dataset)
    case .dataset(.failure(let error)):
      reply.add(Mark.badDataset)
      reply.add(error)
    }
  }

  /// Sends what there is, so that the parent sees that there is more and more of it.
  private func sendSome() {
    assay_child_bound_time(HDF5ChildService.seconds)
    let now = SuspendingClock.now
    guard
      reply.bytes.count >= HDF5ChildService.partByteCount
        || lastSent.duration(to: now) > .milliseconds(200)
    else { return }
    lastSent = now
    send(reply.take())
  }

  // MARK: The socket

  private func send(_ message: [UInt8]) {
    for start in stride(from: 0, to: message.count, by: HDF5Reply.partLimit) {
      send(HDF5Reply.part, message[start..<min(start + HDF5Reply.partLimit, message.count)])
    }
  }

  private func send(_ kind: UInt8, _ bytes: some Collection<UInt8>) {
    let whole = HDF5Reply.header(kind, byteCount: bytes.count) + bytes
    whole.withUnsafeBytes { send($0) }
  }

  /// Writes all, or leaves: without a parent there is nothing to do.
  private func send(_ bytes: UnsafeRawBufferPointer) {
    var done = 0
    while done < bytes.count, let base = bytes.baseAddress {
      let count = write(socket, base + done, bytes.count - done)
      if count > 0 { done += count } else if errno != EINTR { _exit(0) }
    }
  }

  private func receive() -> HDF5Request? {
    var size: UInt64 = 0
    withUnsafeMutableBytes(of: &size) { fill($0) }
    guard let count = Int(exactly: UInt64(littleEndian: size)) else { return nil }
    var message = [UInt8](repeating: 0, count: count)
    message.withUnsafeMutableBytes { fill($0) }
    return try? HDF5Request(message)
  }

  private func fill(_ buffer: UnsafeMutableRawBufferPointer) {
    var done = 0
    while done < buffer.count, let base = buffer.baseAddress {
      let count = read(socket, base + done, buffer.count - done)
      if count > 0 { done += count } else if count == 0 || errno != EINTR { _exit(0) }
    }
  }
}
#endif
