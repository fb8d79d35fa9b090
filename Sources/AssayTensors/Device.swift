import AssayBase

/// Where a tensor lived when it was recorded, such as `cpu` or `cuda:0`.
public struct Device: Hashable, Sendable {
  /// The name as PyTorch writes it: `cpu`, `cuda:0`, `mps`, `xpu:1`.
  public let name: String

  /// Makes a device from PyTorch's name for it.
  public init(_ name: String) {
    self.name = name
  }

  /// The CPU.
  public static let cpu = Device("cpu")

  /// The name as it stands in file and dataset names: `cuda_0` for `cuda:0`.
  package var pathName: String {
    name.utf8.contains(UInt8(ascii: ":")) ? name.replacing(":", with: "_") : name
  }

  /// Makes a device from a name on disk: `cuda_0` is `cuda:0`.
  ///
  /// - Parameter pathName: A name without a colon; a trailing `_<digits>` is the device index.
  package init(pathName: String) {
    if let underscore = pathName.lastIndex(of: "_"), underscore != pathName.startIndex {
      let index = pathName[pathName.index(after: underscore)...]
      if !index.isEmpty, index.allSatisfy(\.isASCIIDigit) {
        name = pathName[..<underscore] + ":" + index
        return
      }
    }
    name = pathName
  }
}

extension Device {
  /// Whether both names are the same bytes.
  public static func == (left: Device, right: Device) -> Bool { left.name.isSame(as: right.name) }

  /// Hashes the bytes of the name.
  public func hash(into hasher: inout Hasher) { name.hashBytes(into: &hasher) }
}

extension Device: CustomStringConvertible {
  /// The name as PyTorch writes it.
  public var description: String { name }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
