import Foundation

/// Starts libFuzzer on the target that the environment names.
@main enum Fuzzer {
  static func main() throws {
    let environment = ProcessInfo.processInfo.environment
    if let folder = environment["ASSAY_FUZZ_SEEDS"] { return try Seeds.write(to: folder) }
    var (count, arguments) = (CommandLine.argc, CommandLine.unsafeArgv)
    exit(start(&count, &arguments) { start, count in Fuzzer.read(start, count) })
  }

  private static let target: FuzzTarget = {
    let name = ProcessInfo.processInfo.environment["ASSAY_FUZZ_TARGET"] ?? ""
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
      print("ASSAY_FUZZ_TARGET is none of", FuzzTarget.all.map(\.name).joined(separator: ", "))
      exit(2)
    }
    return target
  }()

  private static func read(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    // An allocation of its own: what reads beyond its end is found.
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    do {
      try target.read(input)
    } catch {
      // Its text is what a user sees, and made of what the input says.
      _ = String(describing: error)
    }
    return 0
  }

  fileprivate static func mutate(
    _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int, _ seed: UInt32
  ) -> Int {
    // Numbers of a text are rarely made extreme by changes of single digits.
    let count =
      seed % 16 == 1
      ? Repair.extremeNumber(bytes, count, limit, seed: seed / 16) : mutated(bytes, count, limit)
    // What a reader does with wrong checksums is asked as well.
    guard let repair = target.repair, seed % 8 != 0 else { return count }
    repair(UnsafeMutableRawBufferPointer(start: bytes, count: count))
    return count
  }
}

// MARK: - What libFuzzer calls, and has

@_cdecl("LLVMFuzzerCustomMutator")
func customMutator(
  _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int, _ seed: UInt32
) -> Int {
  Fuzzer.mutate(bytes, count, limit, seed)
}

@_silgen_name("LLVMFuzzerMutate")
private func mutated(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int) -> Int

@_silgen_name("LLVMFuzzerRunDriver")
private func start(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32
