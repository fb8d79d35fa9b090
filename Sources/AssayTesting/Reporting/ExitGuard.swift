import Foundation
import Synchronization

/// Keeps a process from ending well when an assertion was lost on the way.
///
/// A test that does not wait for its detached task may be over, and the whole run with it, while an
/// assertion still works or before its failure arrives.
enum ExitGuard {
  private struct State {
    var isInstalled = false
    var next = 0
    var underWay: [Int: String] = [:]
    var failure: String?
  }

  private static let state = Mutex(State())

  /// Notes that an assertion began.
  ///
  /// - Returns: What ``end(_:)`` takes when it is over.
  static func begin(_ name: String) -> Int {
    state.withLock { state in
      install(&state)
      state.next += 1
      state.underWay[state.next] = name
      return state.next
    }
  }

  /// Notes that an assertion is over.
  static func end(_ number: Int) {
    state.withLock { _ = $0.underWay.removeValue(forKey: number) }
  }

  /// Makes sure that the process ends with a failure.
  static func requireFailure(_ text: String) {
    state.withLock { state in
      install(&state)
      state.failure = state.failure ?? text
    }
  }

  private static func install(_ state: inout State) {
    if state.isInstalled { return }
    state.isInstalled = true
    atexit {
      guard let complaint = ExitGuard.complaint else { return }
      FileHandle.standardError.write(Data((complaint + "\n").utf8))
      fflush(nil)
      _exit(1)
    }
  }

  private static var complaint: String? {
    state.withLock { state in
      if let name = state.underWay.min(by: { $0.key < $1.key })?.value {
        return "error: the tests ended before the replay of \(name) did; "
          + "wait for the task that it runs in"
      }
      return state.failure.map { "error: a failure outside of a test: \($0)" }
    }
  }
}
