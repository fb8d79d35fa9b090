#if SystemLibraries
internal import CHDF5
import Foundation

/// The one way into libhdf5: one thread at a time, silent, its error stack turned into an error.
enum Library {
  // Builds of libhdf5 without thread safety are common; recursive, for handles that die inside.
  private static let lock = NSRecursiveLock()

  private static let isPrepared: Bool = {
    // A file whose close has failed must not be closed again while the process exits.
    H5dont_atexit()
    guard H5open() >= 0 else { return false }
    // A file must not choose code to load: filter plugins stay off.
    H5PLset_loading_state(0)
    return LZF.register()
  }()

  /// Calls `body` while no other thread is inside libhdf5.
  static func call<Result>(_ body: () throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    if isPrepared { _ = H5Eset_auto2(ch5e_default(), nil, nil) }  // the setting is one per thread
    return try body()
  }

  /// Passes on a status or an id that tells success.
  ///
  /// - Throws: ``HDF5Error/library(operation:causes:)`` for a negative value.
  @discardableResult
  static func check<Value: SignedInteger>(
    _ value: Value, _ operation: @autoclosure () -> String
  ) throws -> Value {
    guard value >= 0 else { throw HDF5Error.library(operation: operation(), causes: errorStack()) }
    return value
  }

  /// What libhdf5 says about the last failure, from the outermost function to the cause.
  private static func errorStack() -> [String] {
    var causes: [String] = []
    withUnsafeMutablePointer(to: &causes) { pointer in
      _ = H5Ewalk2(
        ch5e_default(), H5E_WALK_DOWNWARD,
        { _, frame, context in
          if let text = frame?.pointee.desc {
            context?.assumingMemoryBound(to: [String].self).pointee.append(String(cString: text))
          }
          return 0
        }, pointer)
    }
    H5Eclear2(ch5e_default())
    return causes
  }
}
#endif
