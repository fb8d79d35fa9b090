#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How much memory this process can still take.
package enum AvailableMemory {
  /// The bytes left: of the machine, of the control group and of the address space, whichever is
  /// least; `nil` where the system tells nothing.
  package static var byteCount: Int? {
    [machine, controlGroup, addressSpace].compactMap { $0 }.min()
  }

  /// What `MemAvailable` promises on Linux; on Apple's systems what is not wired down.
  private static var machine: Int? {
    #if canImport(Darwin)
      var size: UInt64 = 0
      var length = MemoryLayout<UInt64>.size
      guard
        sysctlbyname("hw.memsize_usable", &size, &length, nil, 0) == 0
          || sysctlbyname("hw.memsize", &size, &length, nil, 0) == 0
      else { return nil }
      return Int(clamping: size)
    #else
      return text("/proc/meminfo").flatMap { number(after: "MemAvailable:", in: $0) }
        .map { $0 * 1024 }
    #endif
  }

  /// The limit of the process's control group less what is in use, where file pages do not count:
  /// they give way.
  private static var controlGroup: Int? {
    for (limit, use, pages) in [
      ("memory.max", "memory.current", "file "),
      ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_cache "),
    ] {
      let root = "/sys/fs/cgroup/"
      guard let limit = text(root + limit).flatMap(leadingNumber),
        let use = text(root + use).flatMap(leadingNumber)
      else { continue }
      let folder = pages == "file " ? root : root + "memory/"
      let files = text(folder + "memory.stat").flatMap { number(after: pages, in: $0) } ?? 0
      return max(0, limit - max(0, use - files))
    }
    return nil
  }

  /// What `ulimit -v` leaves.
  private static var addressSpace: Int? {
    #if canImport(Darwin)
      return nil
    #else
      var limit = rlimit()
      guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0,
        limit.rlim_cur != rlim_t.max,
        let pages = text("/proc/self/statm").flatMap(leadingNumber)
      else { return nil }
      return max(0, Int(clamping: limit.rlim_cur) - pages * sysconf(Int32(_SC_PAGESIZE)))
    #endif
  }

  /// A small file of the system, which has no size to map by.
  private static func text(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// The number at a text's start; `nil` for `max`.
  private static func leadingNumber(_ text: String) -> Int? {
    Int(text.prefix { $0.isASCII && $0.isNumber })
  }

  /// The number in the line that begins with a word.
  static func number(after word: String, in text: String) -> Int? {
    for line in text.split(separator: "\n") where line.hasPrefix(word) {
      return leadingNumber(String(line.dropFirst(word.count).drop { $0 == " " }))
    }
    return nil
  }
}
