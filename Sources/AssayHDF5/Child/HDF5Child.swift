#if SystemLibraries
internal import CAssayChild
internal import Foundation

/// A process in which libhdf5 reads one file.
///
/// What it does to its memory stays there. It may be used by one thread at a time.
final class HDF5Child {
  /// What is started.
  struct Program: Sendable {
    /// `nil` for this program, which then serves.
    var path: String?
    var arguments: [String] = []

    static let own = Program()
  }

  /// How long an answer may take.
  struct Patience: Sendable {
    /// With nothing of it coming.
    var silence = Duration.seconds(20)
    /// In all, beside what it takes at the least speed.
    var whole = Duration.seconds(60)
    var bytesPerSecond = 10_000
  }

  let id: pid_t
  private let socket: Int32
  private let patience: Patience
  private var isReaped = false

  /// Starts a process.
  ///
  /// - Parameter file: A descriptor that it gets too.
  /// - Throws: ``HDF5Error/childFailed(operation:ending:)``.
  init(_ program: Program, file: Int32?, patience: Patience) throws {
    func failure(_ reason: String) -> HDF5Error {
      .childFailed(operation: "", ending: .notStarted(reason: reason))
    }
    if program.path == nil, assay_child_can_serve() == 0 {
      throw failure("this program is not one that can be started again for it")
    }
    var ends: [Int32] = [-1, -1]
    var code = assay_child_sockets(&ends)
    guard code == 0 else { throw failure(String(cString: strerror(code))) }
    var arguments = ([program.path ?? ""] + program.arguments).map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var id: pid_t = 0
    code = assay_child_start(program.path, &arguments, ends[1], file ?? -1, &id)
    close(ends[1])
    guard code == 0 else {
      close(ends[0])
      throw failure(String(cString: strerror(code)))
    }
    (self.id, socket, self.patience) = (id, ends[0], patience)
  }

  deinit { end() }

  /// Ends the process: it has nothing to lose.
  private func end() {
    close(socket)
    guard !isReaped else { return }
    kill(id, SIGKILL)
    if status(within: .seconds(1)) == nil, !isReaped {
      // It hangs in the system, of which only the system can tell the end.
      let id = id
      Thread.detachNewThread { while waitpid(id, nil, 0) < 0, errno == EINTR {} }
    }
  }

  /// Waits for the process to end.
  ///
  /// - Returns: Its status as `waitpid` gives it; `nil` where it has not ended, or nobody knows how.
  private func status(within time: Duration) -> Int32? {
    let start = SuspendingClock.now
    while true {
      var status: Int32 = 0
      let found = waitpid(id, &status, WNOHANG)
      if found == id || (found < 0 && errno == ECHILD) {
        isReaped = true
        return found == id ? status : nil
      }
      guard start.duration(to: .now) < time else { return nil }
      usleep(300)
    }
  }

  /// How it ended that has stopped to speak.
  private func ending() -> HDF5ChildEnding {
    guard let status = status(within: .seconds(5)) else {
      return isReaped ? .status(-1) : .nonsense
    }
    // The macros WIFSIGNALED and so on, which are not imported.
    let signal = status & 0x7F
    return signal != 0 ? .signal(signal) : .status((status >> 8) & 0xFF)
  }

  /// Asks, and has the answer taken in.
  ///
  /// - Parameters:
  ///   - byteCount: How much of an answer is expected that comes in large parts.
  ///   - receive: Takes a reply in by what fills buffers.
  /// - Throws: ``HDF5Error``: ``HDF5Error/childFailed(operation:ending:)`` where the process cannot
  ///   be asked again.
  func ask<Answer>(
    _ request: HDF5Request, byteCount: Int = 0,
    _ receive: ((UnsafeMutableRawBufferPointer) throws -> Void) throws -> Answer
  ) throws -> Answer {
    var clock = Clock(patience, byteCount: byteCount)
    do {
      try send(request.message, &clock)
      return try receive { try fill($0, &clock) }
    } catch let error as HDF5Error {
      throw error
    } catch {
      let ending: HDF5ChildEnding =
        switch error {
        case Silence.ended: self.ending()
        case Silence.late(let seconds): .silent(seconds: seconds)
        default: .nonsense
        }
      throw HDF5Error.childFailed(operation: request.operation, ending: ending)
    }
  }

  /// Why nothing comes any more.
  private enum Silence: Error {
    case ended
    case late(seconds: Int)
  }

  /// How much time is left for an answer.
  private struct Clock {
    private let patience: Patience
    private let start = SuspendingClock.now
    private var last = SuspendingClock.now
    private var received = 0
    private let extra: Duration

    init(_ patience: Patience, byteCount: Int) {
      self.patience = patience
      // A part of so many bytes may be made before anything comes.
      extra = .seconds(Double(byteCount) / 20e6)
    }

    mutating func note(_ count: Int) {
      received += count
      last = .now
    }

    /// Milliseconds to wait for what comes next.
    func rest() throws -> Int32 {
      let silence = patience.silence + extra
      let whole =
        patience.whole + extra
        + .seconds(Double(received) / Double(patience.bytesPerSecond))
      let now = SuspendingClock.now
      let rest = min(silence - last.duration(to: now), whole - start.duration(to: now))
      return Int32(
        clamping: max(
          0, rest.components.seconds * 1000 + rest.components.attoseconds / 1_000_000_000_000_000))
    }

    var elapsed: Int { Int(last.duration(to: .now).components.seconds) }
  }

  /// Waits until the socket is ready.
  private func wait(for events: Int32, _ clock: Clock) throws {
    while true {
      var entry = pollfd(fd: socket, events: Int16(events), revents: 0)
      let count = poll(&entry, 1, try clock.rest())
      if count > 0 { return }
      if count < 0, errno == EINTR { continue }
      throw Silence.late(seconds: clock.elapsed)
    }
  }

  private func send(_ message: [UInt8], _ clock: inout Clock) throws {
    #if canImport(Darwin)
    let flags = Int32(MSG_DONTWAIT)  // the socket itself has no SIGPIPE
    #else
    let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
    #endif
    let size = withUnsafeBytes(of: UInt64(message.count).littleEndian) { Array($0) }
    try (size + message).withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count, let base = bytes.baseAddress {
        let count = Foundation.send(socket, base + done, bytes.count - done, flags)
        if count > 0 {
          done += count
          clock.note(count)
        } else if errno == EAGAIN || errno == EWOULDBLOCK {
          try wait(for: Int32(POLLOUT), clock)
        } else if errno != EINTR {
          throw Silence.ended
        }
      }
    }
  }

  private func fill(_ buffer: UnsafeMutableRawBufferPointer, _ clock: inout Clock) throws {
    var done = 0
    while done < buffer.count, let base = buffer.baseAddress {
      try wait(for: Int32(POLLIN), clock)
      let count = recv(socket, base + done, buffer.count - done, 0)
      if count > 0 {
        done += count
        clock.note(count)
      } else if count == 0 || errno != EINTR {
        throw Silence.ended
      }
    }
  }
}
#endif
