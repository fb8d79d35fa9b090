import Assay

/// Times opening a run: everything but its elements is read and held.
///
/// Arguments: path, rounds. Prints the seconds and the number of tensors of each round.
@main struct Main {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 3, let rounds = Int(arguments[2]) else {
      print("usage: OpenBench PATH ROUNDS")
      return
    }
    for _ in 0..<rounds {
      let clock = ContinuousClock()
      var count = 0
      let time = try clock.measure {
        let steps = try openRun(at: arguments[1]).steps
        count = steps.flatMap(\.calls).map(\.tensors.count).reduce(0, +)
      }
      print(time / .seconds(1), count)
    }
  }
}
