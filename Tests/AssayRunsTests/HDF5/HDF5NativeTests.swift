import AssayBase
import AssayRuns
import AssayTensors
import Foundation
import Testing

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

  /// Bits turned, runs overwritten, words exchanged, ends cut off.
  @Test(arguments: [HDF5RunWriter.Mode.recording, .golden], [2, 12])
  func whereBothReadADamagedFileTheyReadTheSame(
    _ mode: HDF5RunWriter.Mode, _ modules: Int
  ) throws {
    let path = folder.path("run.h5")
    try HDF5Sample.write(path, mode: mode, modules: modules)
    let whole = try Data(contentsOf: URL(filePath: path))
    let count = ProcessInfo.processInfo.environment["ASSAY_MUTANTS"].flatMap { Int($0) } ?? 100
    var (readCount, refusedCount) = (0, 0)
    var generator = Mutation(seed: UInt64(modules))
    for number in 0..<count {
      let mutant = generator.mutant(of: whole)
      let file = folder.path("mutant.h5")
      try mutant.write(to: URL(filePath: file))
      guard let native = HDF5Answer(file, by: .native) else {
        refusedCount += 1
        continue
      }
      readCount += 1
      // libhdf5 crashes on some of the files that the other refuses.
      let expected = HDF5Answer(file, by: .library)
      #expect(native == expected, "mutant \(number) of \(mode), \(modules) modules")
    }
    #expect(readCount > 0 && refusedCount > 0)
    if count > 100 { print("\(mode), \(modules): \(readCount) read, \(refusedCount) refused") }
  }
}

/// Damages a file, the same way for the same seed.
private struct Mutation: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  // SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func mutant(of whole: Data) -> Data {
    var bytes = whole
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
