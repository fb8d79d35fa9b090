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

  /// What the process's control group and those around it leave, where file pages do not count as
  /// used: they give way.
  private static var controlGroup: Int? {
    guard let groups = text("/proc/self/cgroup") else { return nil }
    return controlGroups(in: groups).flatMap { tree, path -> [Int] in
      let names = tree.isEmpty ? ControlGroupNames.version2 : .version1
      let parts = path.split(separator: "/")
      // A container may see its own group as the root, or a path that only its host can see.
      return (0...parts.count).compactMap { depth in
        let folder = (["/sys/fs/cgroup"] + (tree.isEmpty ? [] : [tree]) + parts.prefix(depth))
          .joined(separator: "/")
        guard let limit = text("\(folder)/\(names.limit)").flatMap(leadingNumber),
          let use = text("\(folder)/\(names.use)").flatMap(leadingNumber)
        else { return nil }
        let files =
          text("\(folder)/memory.stat").flatMap { number(after: names.filePages, in: $0) } ?? 0
        return max(0, limit - max(0, use - files))
      }
    }.min()
  }

  private struct ControlGroupNames {
    let limit, use, filePages: String

    static let version1 = ControlGroupNames(
      limit: "memory.limit_in_bytes", use: "memory.usage_in_bytes", filePages: "total_cache ")
    static let version2 = ControlGroupNames(
      limit: "memory.max", use: "memory.current", filePages: "file ")
  }

  /// The groups that count memory, from `/proc/self/cgroup`: the folder of their tree, which is
  /// empty for the second version, and the path within.
  static func controlGroups(in text: String) -> [(tree: Substring, path: Substring)] {
    text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return nil }
      if fields[0] == "0", fields[1].isEmpty { return ("", fields[2]) }
      return fields[1].split(separator: ",").contains("memory") ? ("memory", fields[2]) : nil
    }
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
