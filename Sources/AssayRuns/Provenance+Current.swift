import Foundation

#if canImport(Darwin)
import Darwin
#endif

/// Assay's own version.
package enum AssayVersion {
  /// The version as the changelog has it.
  package static let current = "0.2.0"
}

extension Provenance {
  /// The provenance of a recording that this process begins now on this machine.
  package static func current() -> Provenance {
    var provenance = Provenance(
      tool: "assay", toolVersion: AssayVersion.current,
      created: Date.now.formatted(.iso8601))
    provenance.os = Host.operatingSystem
    provenance.cpu = Host.processor
    provenance.cpuFeatures = Host.processorFeatures
    return provenance
  }
}

/// What a run's provenance says about the machine.
enum Host {
  /// The distribution's own name where it gives one, else what the kernel says.
  static var operatingSystem: String {
    if let release = try? String(contentsOfFile: "/etc/os-release", encoding: .utf8),
      let line = release.split(separator: "\n").first(where: { $0.hasPrefix("PRETTY_NAME=") })
    {
      return line.dropFirst("PRETTY_NAME=".count).trimmingCharacters(in: ["\""])
    }
    return ProcessInfo.processInfo.operatingSystemVersionString
  }

  #if canImport(Darwin)
  static var processor: String? {
    var size = 0
    guard sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0) == 0, size > 0 else {
      return nil
    }
    var text = [UInt8](repeating: 0, count: size)
    guard sysctlbyname("machdep.cpu.brand_string", &text, &size, nil, 0) == 0 else { return nil }
    return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Only the features that choose between kernels, by the names that Linux gives them.
  static var processorFeatures: [String]? {
    let names = [
      "arm.AdvSIMD": "asimd", "arm.FEAT_BF16": "bf16", "sse4_2": "sse4_2", "avx1_0": "avx",
      "avx2_0": "avx2", "fma": "fma", "f16c": "f16c", "avx512f": "avx512f",
      "avx512bw": "avx512bw", "avx512vl": "avx512vl",
    ]
    return names.compactMap { key, name in
      var (value, size) = (Int32(0), MemoryLayout<Int32>.size)
      return sysctlbyname("hw.optional.\(key)", &value, &size, nil, 0) == 0 && value != 0
        ? name : nil
    }.sorted()
  }
  #else
  static var processor: String? {
    value(of: "model name")
  }

  /// Only the features that choose between kernels: the rest cannot change a number.
  static var processorFeatures: [String]? {
    let relevant: Set = [
      "sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_bf16",
      "avx512_vnni", "avx512_fp16", "amx_bf16", "amx_tile", "asimd", "bf16", "sve", "sve2",
    ]
    let flags = value(of: "flags") ?? value(of: "Features")
    return flags.map { flags in
      flags.split(separator: " ").map(String.init).filter(relevant.contains).sorted()
    }
  }

  private static func value(of key: String) -> String? {
    guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else {
      return nil
    }
    for line in text.split(separator: "\n") where line.hasPrefix(key) {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == key {
        return parts[1].trimmingCharacters(in: .whitespaces)
      }
    }
    return nil
  }
  #endif
}
