internal import Foundation

/// How the process came to its end in which libhdf5 reads a file.
package enum HDF5ChildEnding: Hashable, Sendable {
  /// It never began.
  case notStarted(reason: String)
  /// By a signal.
  case signal(Int32)
  /// By itself.
  case status(Int32)
  /// It was ended, for it gave no answer for so many seconds.
  case silent(seconds: Int)
  /// It was ended, for what it answered is not as it was agreed.
  case nonsense
  /// It has failed so many times that it is not started again.
  case tooOften

  /// - Parameter operation: What libhdf5 did, such as "read /step_0".
  func sentence(whileIt operation: String) -> String {
    switch self {
    case .notStarted(let reason):
      "libhdf5 reads in a process of its own, which cannot be started: \(reason); convert the file "
        + "where it can: assay convert OLD.h5 NEW.h5"
    case .signal(SIGXCPU):
      "libhdf5 took too much processor time while it \(operation): \(remedy)"
    case .signal(let signal) where HDF5ChildEnding.crashes.contains(signal):
      "libhdf5 crashed while it \(operation) (\(HDF5ChildEnding.name(of: signal))): \(remedy)"
    case .signal(let signal):
      "the process in which libhdf5 \(operation) was ended by \(HDF5ChildEnding.name(of: signal)); "
        + "try again"
    case .status(let status):
      "the process in which libhdf5 \(operation) ended with status \(status): \(remedy)"
    case .silent(let seconds):
      "libhdf5 gave no answer for \(seconds) s while it \(operation): \(remedy)"
    case .nonsense:
      "the process in which libhdf5 \(operation) answered nonsense: \(remedy)"
    case .tooOften:
      "libhdf5 is not asked any more, for it has crashed or hung on this file again and again: "
        + remedy
    }
  }

  private var remedy: String { "the file is damaged; take it from its source again" }

  private static let crashes: Set = [SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP, SIGSYS]

  private static func name(of signal: Int32) -> String {
    let name = strsignal(signal).map { ", " + String(cString: $0) } ?? ""
    return "signal \(signal)\(name)"
  }
}
