internal import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The files that are mapped now, for a process that wants to end with words where one of them
/// becomes shorter under it: the system sends SIGBUS to who touches what is gone.
package enum MappingTable {
  /// What a signal handler may read: no object, nothing that takes a lock.
  private struct Entry {
    var start = 0
    var byteCount = 0
    var path: UnsafeMutablePointer<CChar>?
  }

  /// Files beyond it are mapped all the same; a fault in them has no name.
  private static let capacity = 1024
  private struct Entries: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Entry>
  }
  private static let entries: Mutex<Entries> = {
    let pointer = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
    pointer.initialize(repeating: Entry(), count: capacity)
    address.store(UInt(bitPattern: pointer), ordering: .sequentiallyConsistent)
    return Mutex(Entries(pointer: pointer))
  }()
  /// Of the entries; a handler must not be the first to ask for them.
  private static let address = Atomic<UInt>(0)

  static func add(_ bytes: UnsafeRawBufferPointer, path: String) {
    entries.withLock { entries in
      guard let free = (0..<capacity).first(where: { entries.pointer[$0].byteCount == 0 }) else {
        return
      }
      let start = Int(bitPattern: bytes.baseAddress)
      entries.pointer[free] = Entry(start: start, byteCount: bytes.count, path: strdup(path))
    }
  }

  static func remove(_ bytes: UnsafeRawBufferPointer) {
    let start = Int(bitPattern: bytes.baseAddress)
    entries.withLock { entries in
      for index in 0..<capacity where entries.pointer[index].start == start {
        free(entries.pointer[index].path)
        entries.pointer[index] = Entry()
      }
    }
  }

  /// The file that is mapped where an address is.
  private static func path(at place: Int) -> UnsafeMutablePointer<CChar>? {
    guard let entries = UnsafePointer<Entry>(bitPattern: address.load(ordering: .relaxed)) else {
      return nil
    }
    var index = 0
    while index < capacity {
      let entry = entries[index]
      if entry.start <= place, place - entry.start < entry.byteCount { return entry.path }
      index += 1
    }
    return nil
  }

  private static func complain(_ text: StaticString) {
    _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
  }

  /// What the process leaves with.
  private static let exitStatus = Atomic<Int32>(0)

  /// From now on a process that touches what a file has lost says so and ends with a status.
  package static func endOnLoss(status: Int32) {
    entries.withLock { _ in }  // made before a handler needs them
    exitStatus.store(status, ordering: .sequentiallyConsistent)
    var action = sigaction()
    let handler:
      @convention(c) (
        Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?
      ) -> Void = { number, info, _ in
        #if canImport(Darwin)
        let place = Int(bitPattern: info?.pointee.si_addr)
        #else
        let place = Int(bitPattern: info?.pointee._sifields._sigfault.si_addr)
        #endif
        guard let path = MappingTable.path(at: place) else {
          // No file of ours: die of it as without a handler.
          signal(number, SIG_DFL)
          return
        }
        MappingTable.complain("Error: ")
        _ = write(STDERR_FILENO, path, strlen(path))
        MappingTable.complain(" became shorter while it was read: let nothing write to it\n")
        _exit(MappingTable.exitStatus.load(ordering: .relaxed))
      }
    #if canImport(Darwin)
    action.__sigaction_u.__sa_sigaction = handler
    #else
    action.__sigaction_handler.sa_sigaction = handler
    #endif
    action.sa_flags = SA_SIGINFO
    sigaction(SIGBUS, &action, nil)
  }
}
