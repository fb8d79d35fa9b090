import Foundation
import Synchronization

/// Holds back the signals that end a process until what must not stay behind is gone.
///
/// While a command runs, Ctrl-C reaches it from the terminal, for it is in the same process group;
/// a signal sent to this process alone is passed on. Without a command the process cleans up and
/// dies of the signal, as its parent expects.
final class SignalRelay: Sendable {
  private struct State {
    var child: pid_t?
    var received: Int32?
  }

  private typealias Handler =
    @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void

  /// The end of the pipe that the handler writes to; a handler may do little more.
  private static let output = Atomic<Int32>(-1)
  /// Set in a byte of the pipe where a process sent the signal, not the terminal.
  private static let isSent: UInt8 = 0x80

  private let state = Mutex(State())
  private let cleanUp: @Sendable () -> Void

  /// Takes over the process's signals; there is one relay in a process.
  ///
  /// - Parameter cleanUp: Removes what must not stay behind; called at most once, on any thread.
  init(cleanUp: @escaping @Sendable () -> Void) throws {
    self.cleanUp = cleanUp
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw CommandError.system("pipe", code: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    SignalRelay.output.store(ends[1], ordering: .sequentiallyConsistent)
    let input = ends[0]
    Thread.detachNewThread { [self] in
      var byte: UInt8 = 0
      while true {
        // The write end is never closed, so that nothing but a signal ends a read.
        if read(input, &byte, 1) == 1 { receive(byte) }
      }
    }
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] { SignalRelay.handle(signal) }
  }

  /// Starts a child and waits until it ends, passing signals on meanwhile.
  ///
  /// - Parameter start: Starts the child.
  /// - Returns: The child's status as `waitpid` gives it.
  func wait(for start: () throws -> pid_t) throws -> Int32 {
    // Under the lock, so that no signal falls between the start and the note of it.
    let child = try state.withLock { state in
      let child = try start()
      state.child = child
      return child
    }
    var info = siginfo_t()
    while waitid(P_PID, id_t(child), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    // Until it is reaped its id is its own; afterwards a signal might reach a stranger.
    let received = state.withLock { state in
      state.child = nil
      return state.received
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 {
      guard errno == EINTR else { throw CommandError.system("waitpid", code: errno) }
    }
    // A command that takes Ctrl-C as a key and ends well has not been interrupted.
    if let received, status != 0 || received == SIGTERM || received == SIGHUP { die(of: received) }
    return status
  }

  /// Does work whose files the clean-up takes away: what fails once a signal has come is its doing,
  /// and the process is about to die.
  func doing<Result>(_ work: () throws -> Result) throws -> Result {
    do { return try work() } catch {
      while state.withLock({ $0.received }) != nil { sleep(1) }
      throw error
    }
  }

  private func receive(_ byte: UInt8) {
    let signal = Int32(byte & ~SignalRelay.isSent)
    let isOurs = state.withLock { state in
      state.received = signal
      guard let child = state.child else { return true }
      if byte & SignalRelay.isSent != 0 { kill(child, signal) }
      return false
    }
    if isOurs { die(of: signal) }
  }

  private func die(of signal: Int32) -> Never {
    cleanUp()
    Foundation.signal(signal, SIG_DFL)
    kill(getpid(), signal)
    // The signal may be delivered to another thread a moment later.
    sleep(1)
    exit(128 + signal)
  }

  /// Lets the handler take a signal, unless whoever started the process wants it ignored.
  private static func handle(_ signal: Int32) {
    var action = sigaction()
    guard sigaction(signal, nil, &action) == 0, !isIgnored(action) else { return }
    action = sigaction()
    action.sa_flags = Int32(SA_SIGINFO) | Int32(SA_RESTART)
    let handler: Handler = { signal, info, _ in
      let code = errno
      var byte = UInt8(truncatingIfNeeded: signal)
      if let info, info.pointee.si_code == Int32(SI_USER) { byte |= SignalRelay.isSent }
      _ = write(SignalRelay.output.load(ordering: .relaxed), &byte, 1)
      errno = code
    }
    #if canImport(Darwin)
    action.__sigaction_u.__sa_sigaction = handler
    #else
    action.__sigaction_handler.sa_sigaction = handler
    #endif
    _ = sigaction(signal, &action, nil)
  }

  private static func isIgnored(_ action: sigaction) -> Bool {
    // Function pointers cannot be compared; SIG_IGN is the address 1 everywhere.
    #if canImport(Darwin)
    let handler = unsafeBitCast(action.__sigaction_u, to: UInt.self)
    #else
    let handler = unsafeBitCast(action.__sigaction_handler, to: UInt.self)
    #endif
    return handler == 1
  }
}
