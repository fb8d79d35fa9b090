import Assay
import Foundation

/// Times recording tensors and writing the same bytes with `write`.
///
/// Arguments: `pt` or `hdf5`, MiB of a tensor, number of tensors, folder, rounds. Prints for each
/// round the seconds of the recorder, from its making to the end of the run, and of
/// plain writes: a folder and a file for each tensor, as in the layout of `.pt` files, which waits for
/// no disk, or one file for all and `fsync`, as in that of HDF5.
@main struct Main {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 6, let format = CaptureConfiguration.Format(rawValue: arguments[1]),
      let size = Int(arguments[2]), let count = Int(arguments[3]), let rounds = Int(arguments[5])
    else {
      print("usage: RecordBench pt|hdf5 MIB COUNT FOLDER ROUNDS")
      return
    }
    let folder = arguments[4]
    let tensors = (0..<count).map { tensor(number: $0, byteCount: size << 20) }
    for round in 0..<rounds {
      let path = "\(folder)/round_\(round)"
      var seconds: [Bool: Double] = [:]
      for isRecorded in round.isMultiple(of: 2) ? [true, false] : [false, true] {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        // What earlier rounds left to be written is not this one's.
        sync()
        let clock = ContinuousClock()
        let time = try clock.measure {
          try isRecorded ? record(tensors, format, path) : write(tensors, format, path)
        }
        seconds[isRecorded] = time / .seconds(1)
        try FileManager.default.removeItem(atPath: path)
      }
      print(seconds[true] ?? 0, seconds[false] ?? 0)
    }
  }

  /// A tensor whose bytes no other one has, as a model of Swift arrays has it.
  private static func tensor(number: Int, byteCount: Int) -> [Float] {
    var state = UInt32(truncatingIfNeeded: number) &* 0x9E37_79B9 | 1
    return (0..<byteCount / 4).map { _ in
      state ^= state << 13
      state ^= state >> 17
      state ^= state << 5
      return Float(state)
    }
  }

  private static func record(
    _ tensors: [[Float]], _ format: CaptureConfiguration.Format, _ folder: String
  ) throws {
    var configuration = CaptureConfiguration()
    configuration.formats = [format]
    configuration.outputDirectory = folder
    let recorder = try Recorder(configuration: configuration, manifest: RunManifest(id: "run"))
    let probe = recorder.probe
    try probe.step {
      for (i, tensor) in tensors.enumerated() { _ = try probe("layers.\(i)") { tensor } }
    }
    try recorder.finish()
  }

  private static func write(
    _ tensors: [[Float]], _ format: CaptureConfiguration.Format, _ folder: String
  ) throws {
    var descriptor: Int32 = -1
    for (i, tensor) in tensors.enumerated() {
      if format == .pt { mkdir("\(folder)/call_\(i)", 0o777) }
      if i == 0 || format == .pt {
        let path = format == .pt ? "\(folder)/call_\(i)/tensor" : "\(folder)/tensors"
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o666)
      }
      try tensor.withUnsafeBytes { bytes in
        guard Foundation.write(descriptor, bytes.baseAddress, bytes.count) == bytes.count else {
          throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
        }
      }
      if format == .pt { close(descriptor) }
    }
    if format == .hdf5 {
      fsync(descriptor)
      close(descriptor)
    }
  }
}
