import Foundation

// The functions that libFuzzer calls, and the one of its own that is called back.

@_silgen_name("LLVMFuzzerMutate")
private func mutate(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int) -> Int

/// The target that the environment names.
private let target: FuzzTarget = {
  let name = ProcessInfo.processInfo.environment["ASSAY_FUZZ_TARGET"] ?? ""
  guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
    print(FuzzTarget.all.map(\.name).joined(separator: "\n"))
    exit(2)
  }
  return target
}()

@_cdecl("LLVMFuzzerInitialize")
func initialize(
  _ count: UnsafeMutableRawPointer, _ arguments: UnsafeMutableRawPointer
) -> Int32 {
  let environment = ProcessInfo.processInfo.environment
  if let folder = environment["ASSAY_FUZZ_SEEDS"], let run = environment["ASSAY_FUZZ_RUN"] {
    do { try Seeds.write(run, to: folder) } catch {
      print(error)
      exit(1)
    }
    exit(0)
  }
  _ = target
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
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

@_cdecl("LLVMFuzzerCustomMutator")
func mutate(
  _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int, _ seed: UInt32
) -> Int {
  let count = mutate(bytes, count, limit)
  // What a reader does with wrong checksums is asked as well.
  guard let repair = target.repair, seed % 8 != 0 else { return count }
  repair(UnsafeMutableRawBufferPointer(start: bytes, count: count))
  return count
}
