import Assay
import Foundation

/// Times the comparison of two tensor files that the other contestants read too.
///
/// Arguments: dtype, rounds, file of actual, file of expected. Prints the seconds of each round.
@main struct Main {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 5, let dtype = DType(torchName: arguments[1]),
      let rounds = Int(arguments[2])
    else {
      print("usage: AssayBench DTYPE ROUNDS ACTUAL EXPECTED")
      return
    }
    let actual = try load(arguments[3], dtype)
    let expected = try load(arguments[4], dtype)
    let rule = try Tolerance(rtol: 1e-5, atol: 1e-8).rule(for: dtype)
    for _ in 0..<rounds {
      let clock = ContinuousClock()
      var mismatched = 0
      let time = try clock.measure {
        mismatched = try TensorComparison.difference(
          actual: actual, expected: expected, rule: rule
        ).mismatchedCount
      }
      let seconds = Double(time.components.attoseconds) * 1e-18 + Double(time.components.seconds)
      print(seconds, mismatched)
    }
  }

  private static func load(_ path: String, _ dtype: DType) throws -> Tensor {
    // Copied, so that no round pays for page faults.
    let storage = try Data(contentsOf: URL(filePath: path)).withUnsafeBytes(Storage.init(copying:))
    let shape = try Shape([storage.byteCount / dtype.byteCount / 4096, 4096])
    return try Tensor(storage: storage, dtype: dtype, shape: shape)
  }
}
