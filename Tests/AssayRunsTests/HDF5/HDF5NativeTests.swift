import AssayBase
import AssayRuns
import AssayTensors
import Foundation
import Testing

@testable import AssayHDF5

/// The reader without libhdf5 against libhdf5.
@Suite struct HDF5NativeTests {
  private let folder: HDF5TemporaryFolder
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  init() throws { folder = try HDF5TemporaryFolder() }

  /// Every HDF5 file below a folder of the repository, or below any other.
  private static func files(_ folder: String) -> [String] {
    let names = FileManager.default.enumerator(atPath: folder) ?? .init()
    return names.compactMap { $0 as? String }.filter { $0.hasSuffix(".h5") }.sorted()
      .map { folder + "/" + $0 }
  }

  /// Files that are not in the repository, for a check by hand.
  private static let others = ProcessInfo.processInfo.environment["ASSAY_HDF5_FILES"]

  @Test func bothReadersGiveOneAnswer() throws {
    let paths =
      ["Golden", "Tests"].flatMap { Self.files(Self.root.path + "/" + $0) }
      + (Self.others.map(Self.files) ?? [])
    #expect(paths.count > 30)
    var nativeCount = 0
    for path in paths {
      let expected = HDF5Answer(path, by: .library)
      #expect(HDF5Answer(path, by: .either) == expected, "\(path)")
      if let native = HDF5Answer(path, by: .native) {
        #expect(native == expected, "\(path)")
        nativeCount += 1
      } else if Self.others != nil {
        print("by libhdf5:", path)
      }
    }
    #expect(nativeCount > 10)
  }

  @Test(arguments: ["tiny-llama/float32", "tiny-llama/bfloat16", "smollm2/digest"])
  func goldensAreReadWithoutLibhdf5(_ name: String) throws {
    #expect(try HDF5RunReader(path: Self.root.path + "/Golden/\(name).h5", by: .native).isNative)
  }

  /// Few links are in a header, more in one leaf, and many in a tree of several levels.
  @Test(arguments: [HDF5RunWriter.Mode.recording, .golden], [3, 40, 300])
  func whatIsWrittenIsReadWithoutLibhdf5(_ mode: HDF5RunWriter.Mode, _ modules: Int) throws {
    let path = folder.path("run.h5")
    try HDF5Sample.write(path, mode: mode, modules: modules)
    let native = try HDF5RunReader(path: path, by: .native)
    #expect(native.isNative)
    guard modules < 100 else {
      #expect(native.steps.map(\.calls.count) == [modules + 1, modules + 1])
      return
    }
    #expect(HDF5Answer(path, by: .native) == HDF5Answer(path, by: .library))
  }

  @Test func aFileThatIsBeingWrittenIsLeftToLibhdf5() throws {
    let path = folder.path("run.h5")
    let writer = try HDF5RunWriter(path: path, mode: .recording, manifest: RunManifest(id: "a"))
    #expect(HDF5Answer(path, by: .native) == nil)
    #expect(HDF5Answer(path, by: .either) == HDF5Answer(path, by: .library))
    withExtendedLifetime(writer) {}
  }

  @Test(arguments: [1 << 10, 33 << 20])
  func aFileThatShrinksIsAnError(_ byteCount: Int) throws {
    let path = folder.path("run.h5")
    let tensor = try Tensor(
      storage: Storage(byteCount: byteCount) { _ in }, dtype: .int8, shape: .vector(byteCount))
    let writer = try HDF5RunWriter(path: path, mode: .golden, manifest: RunManifest(id: "a"))
    try writer.writeStep(0, [CallPart(0, "m", .outputs, .tensor(tensor))])
    try writer.receive(.runEnded(RunManifest(id: "a")))
    let reader = try HDF5RunReader(path: path)
    let key = try #require(reader.steps[0].calls[0].tensors.first?.key)
    #expect(try reader.tensor(key).shape.elementCount == byteCount)
    #expect(truncate(path, 512) == 0)
    #expect(throws: RunError.self) { try reader.tensor(key) }
  }

  /// How many mutants there are in a check by hand.
  private static let mutantCount = ProcessInfo.processInfo.environment["ASSAY_MUTANTS"]
    .flatMap { Int($0) }

  /// Bits turned, runs overwritten, words exchanged, ends cut off, with and without the checksum
  /// that goes with it.
  @Test(arguments: [HDF5RunWriter.Mode.recording, .golden], [2, 12])
  func whereBothReadADamagedFileTheyReadTheSame(
    _ mode: HDF5RunWriter.Mode, _ modules: Int
  ) throws {
    let path = folder.path("run.h5")
    try HDF5Sample.write(path, mode: mode, modules: modules)
    try checkMutants(of: path, seed: UInt64(modules), count: Self.mutantCount ?? 100)
  }

  @Test(
    .enabled(if: mutantCount != nil),
    arguments: ["tiny-llama/float32", "tiny-llama/bfloat16", "smollm2/digest", "smollm2/float32"])
  func mutantsOfGoldensAreReadTheSame(_ name: String) throws {
    try checkMutants(
      of: Self.root.path + "/Golden/\(name).h5", seed: 1, count: (Self.mutantCount ?? 0) / 10)
  }

  private func checkMutants(of path: String, seed: UInt64, count: Int) throws {
    var generator = Mutation(of: try Data(contentsOf: URL(filePath: path)), seed: seed)
    var (readCount, refusedCount) = (0, 0)
    let file = folder.path("mutant.h5")
    for number in 0..<count {
      try generator.mutant().write(to: URL(filePath: file))
      guard let native = HDF5Answer(file, by: .native) else {
        refusedCount += 1
        continue
      }
      readCount += 1
      // libhdf5 crashes on some of the files that the other refuses.
      let expected = HDF5Answer(file, by: .library)
      #expect(native == expected, "mutant \(number) of \(path)")
    }
    #expect(readCount > 0 && refusedCount > 0)
    if Self.mutantCount != nil {
      print("\(path): \(readCount) read, \(refusedCount) refused")
    }
  }
}

/// Damages a file, the same way for the same seed.
private struct Mutation: RandomNumberGenerator {
  private let whole: Data
  /// Blocks of metadata behind which their checksum is.
  private let blocks: [Range<Int>]
  private var state: UInt64

  init(of whole: Data, seed: UInt64) {
    self.whole = whole
    state = seed
    blocks = ["OHDR", "OCHK", "FRHP", "FHIB", "BTHD", "BTLF", "BTIN"].flatMap { name in
      Mutation.blocks(Data(name.utf8), in: whole)
    }
  }

  /// The blocks that begin with a signature; a few of them, for finding an end is slow.
  private static func blocks(_ signature: Data, in whole: Data) -> [Range<Int>] {
    var (found, start): ([Range<Int>], Int) = ([], 0)
    while found.count < 20, let place = whole[start...].range(of: signature) {
      start = place.upperBound
      let end = (start..<min(start + 1024, whole.count - 3)).first { end in
        checksum(of: place.lowerBound..<end, in: whole) == Data(whole[end..<end + 4])
      }
      if let end { found.append(place.lowerBound..<end) }
    }
    return found
  }

  private static func checksum(of block: Range<Int>, in whole: Data) -> Data {
    let sum = whole.withUnsafeBytes { bytes in
      NativeChecksum.of(UnsafeRawBufferPointer(rebasing: bytes[block]))
    }
    return withUnsafeBytes(of: sum.littleEndian) { Data($0) }
  }

  // SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func mutant() -> Data {
    var bytes = whole
    if let block = blocks.randomElement(using: &self), UInt8.random(in: 0..<2, using: &self) == 0 {
      let place = Int.random(in: block.lowerBound + 4..<block.upperBound, using: &self)
      bytes[place] =
        switch UInt8.random(in: 0..<4, using: &self) {
        case 0: UInt8.random(in: 0...255, using: &self)
        case 1: bytes[place] &+ 1
        case 2: bytes[place] &- 1
        default: bytes[place] ^ 1 << UInt8.random(in: 0..<8, using: &self)
        }
      bytes.replaceSubrange(
        block.upperBound..<block.upperBound + 4, with: Mutation.checksum(of: block, in: bytes))
      return bytes
    }
    let place = Int.random(in: 0..<whole.count, using: &self)
    switch Int.random(in: 0..<10, using: &self) {
    case 0:
      return bytes.prefix(place)
    case 1...2:
      let value = UInt8.random(in: 0...255, using: &self)
      for index in place..<min(place + Int.random(in: 1...64, using: &self), whole.count) {
        bytes[index] = value
      }
    case 3...4:
      // A word that is at another place: an address or size that means something.
      let (to, from) = (place & ~7, Int.random(in: 0..<whole.count, using: &self) & ~7)
      for index in 0..<8 where max(to, from) + index < whole.count {
        bytes[to + index] = whole[from + index]
      }
    case 5:
      bytes[place] &+= UInt8.random(in: 0...1, using: &self) == 0 ? 1 : 255
    default:
      for _ in 0..<Int.random(in: 1...3, using: &self) {
        bytes[Int.random(in: 0..<whole.count, using: &self)] ^=
          1 << UInt8.random(in: 0..<8, using: &self)
      }
    }
    return bytes
  }
}
