import AssayBase
import CAssayHashes

/// Makes the checksums of a mutated file true, so that what lies behind them is reached.
enum Repair {
  typealias Bytes = UnsafeMutableRawBufferPointer

  static func number<Value: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: Bytes, _ position: Int, _ type: Value.Type = Value.self
  ) -> Int? {
    guard position >= 0, bytes.count - position >= MemoryLayout<Value>.size else { return nil }
    return Int(
      exactly: Value(
        littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Value.self)))
  }

  static func set(_ bytes: Bytes, _ position: Int, _ value: UInt32) {
    guard position >= 0, bytes.count - position >= 4 else { return }
    bytes.storeBytes(of: value.littleEndian, toByteOffset: position, as: UInt32.self)
  }

  /// Where a signature of four bytes stands.
  static func positions(of signature: StaticString, in bytes: Bytes) -> [Int] {
    let wanted = signature.utf8Start.withMemoryRebound(to: UInt8.self, capacity: 4) {
      UnsafeRawPointer($0).loadUnaligned(as: UInt32.self)
    }
    guard bytes.count >= 4 else { return [] }
    return (0...bytes.count - 4).filter {
      bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self) == wanted
    }
  }
}

// MARK: - Numbers of a text

extension Repair {
  private static let extremes = [
    "0", "-1", "2147483648", "4503599627370496", "9223372036854775807", "-9223372036854775808",
    "18446744073709551616", "1e999", "0.5",
  ].map { Array($0.utf8) }

  /// Puts an extreme number in the place of one that is written in digits, there or wherever the
  /// same one is written: what ranks say alike they must say alike again.
  ///
  /// - Returns: The new size.
  static func extremeNumber(
    _ start: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int, seed: UInt32
  ) -> Int {
    let text = UnsafeMutableBufferPointer(start: start, count: count)
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    var numbers: [Range<Int>] = []
    for position in text.indices where digits.contains(text[position]) {
      if let last = numbers.last, last.upperBound == position {
        numbers[numbers.count - 1] = last.lowerBound..<position + 1
      } else {
        numbers.append(position..<position + 1)
      }
    }
    guard !numbers.isEmpty else { return count }
    let chosen = numbers[Int(seed) % numbers.count]
    let isEverywhere = seed / 63 % 4 == 0
    let number = extremes[Int(seed / 7) % extremes.count]
    var changed: [UInt8] = []
    var end = 0
    for place in numbers
    where place == chosen || isEverywhere && text[place].elementsEqual(text[chosen]) {
      changed += Array(text[end..<place.lowerBound]) + number
      end = place.upperBound
    }
    changed += text[end...]
    guard changed.count <= limit else { return count }
    for (index, byte) in changed.enumerated() { start[index] = byte }
    return changed.count
  }
}

// MARK: - Lengths and hashes of a text

extension Repair {
  /// A safetensors header ends where its first object does.
  static func safetensors(_ bytes: Bytes) {
    guard bytes.count > 8 else { return }
    var depth = 0
    for position in 8..<bytes.count {
      if bytes[position] == UInt8(ascii: "{") { depth += 1 }
      if bytes[position] == UInt8(ascii: "}") { depth -= 1 }
      guard depth > 0 else {
        let length = UInt64(position - 7).littleEndian
        bytes.storeBytes(of: length, as: UInt64.self)
        return
      }
    }
  }

  /// The last line of a part is the SHA-256 of all before.
  static func lastLineHash(_ bytes: Bytes) {
    let line = Array("{\"sha256\":\"".utf8)
    let count = line.count + 67
    let start = bytes.count - count
    guard start >= 0, bytes[start..<start + line.count].elementsEqual(line) else { return }
    let hash = SHA256.hash(Array(bytes[..<start])).hexadecimal
    for (offset, digit) in hash.utf8.enumerated() { bytes[start + line.count + offset] = digit }
  }
}

// MARK: - Zip

extension Repair {
  /// Writes the CRC of each stored entry where the directory says it.
  static func zip(_ bytes: Bytes) {
    for position in positions(of: "PK\u{1}\u{2}", in: bytes) {
      guard number(bytes, position + 10, UInt16.self) == 0,
        let size = number(bytes, position + 20, UInt32.self),
        let local = number(bytes, position + 42, UInt32.self),
        let name = number(bytes, local + 26, UInt16.self),
        let extra = number(bytes, local + 28, UInt16.self)
      else { continue }
      let start = local + 30 + name + extra
      guard start <= bytes.count, size <= bytes.count - start else { continue }
      set(bytes, position + 16, assay_crc32(0, bytes.baseAddress.map { $0 + start }, size))
    }
  }

  /// The `.pt` files within a tree.
  static func tree(_ bytes: Bytes) {
    let ends = positions(of: "PK\u{5}\u{6}", in: bytes)
    guard !ends.isEmpty else { return }
    var start = 0
    for end in ends {
      // An archive begins behind the name that introduces it.
      guard
        let first = positions(
          of: "PK\u{3}\u{4}", in: Bytes(rebasing: bytes[start..<end])
        ).first
      else { continue }
      zip(Bytes(rebasing: bytes[start + first..<min(end + 22, bytes.count)]))
      start = end
    }
  }

  /// The HDF5 files within a tree.
  static func hdf5Files(_ bytes: Bytes) {
    let starts = positions(of: "\u{89}HDF", in: bytes)
    for (start, next) in Swift.zip(starts, starts.dropFirst() + [bytes.count]) {
      hdf5(Bytes(rebasing: bytes[start..<next]))
    }
  }

  /// An archive of stored entries in one folder, without checksums: torch may write none.
  static func archive(of entries: [(name: String, bytes: [UInt8])]) -> [UInt8] {
    var (archive, directory): ([UInt8], [UInt8]) = ([], [])
    func append(_ value: Int, _ count: Int, to bytes: inout [UInt8]) {
      for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
    }
    for (name, bytes) in entries {
      let name = Array("a/\(name)".utf8.prefix(0xFFFF))
      let start = archive.count
      func appendCommon(to target: inout [UInt8]) {
        for (value, count) in [(20, 2), (0, 2), (0, 2), (0, 4), (0, 4)] {
          append(value, count, to: &target)
        }
        append(bytes.count, 4, to: &target)
        append(bytes.count, 4, to: &target)
        append(name.count, 2, to: &target)
        append(0, 2, to: &target)
      }
      archive += [0x50, 0x4B, 3, 4]
      appendCommon(to: &archive)
      archive += name + bytes
      directory += [0x50, 0x4B, 1, 2, 20, 0]
      appendCommon(to: &directory)
      for (value, count) in [(0, 2), (0, 2), (0, 2), (0, 4), (start, 4)] {
        append(value, count, to: &directory)
      }
      directory += name
    }
    let start = archive.count
    archive += directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0]
    for (value, count) in [
      (entries.count, 2), (entries.count, 2), (directory.count, 4), (start, 4), (0, 2),
    ] {
      append(value, count, to: &archive)
    }
    return archive
  }
}
