import Assay
import Foundation

/// What a command itself can find wrong; the layers below have errors of their own.
enum CommandError: Error, Equatable, CustomStringConvertible {
  case noCommand(String, commands: [String])
  case cannotWrite(path: String, reason: String)
  case wouldReplaceData(path: String)
  case goldenExists(path: String)
  case rulesExist(paths: [String])
  case recordingDisabled
  case badConfiguration(path: String, reason: String)
  case unknownFile(path: String)
  case nothingSelected(pattern: String, path: String)
  case unreadableTensors(count: Int, path: String)
  case noRecipe(golden: String)
  case noModel(golden: String)
  case missingModel(path: String, golden: String)
  case badRecipe(golden: String, reason: String)
  case otherPlacements(golden: String, rank: Int, rankCount: Int)
  case isolatedRank(golden: String, rank: Int, rankCount: Int)
  case refusedWeights(RunError)
  case system(String, code: Int32)
  case cannotStart(command: String, reason: String)
  case commandFailed(command: String, ending: String)
  case commandRecordedNothing(command: String, variable: String)
  case commandRecordedSeveral(command: String, count: Int)
  case commandStillRecording(command: String)
  case idlePlacements(path: String, ranks: Int, groups: [RankCount])
  case notConfirmed(golden: String)
  case noTerminal(golden: String)
  case noMPI(ranks: Int)
  case cannotReadAgain(part: String, reason: String)

  /// A group and its ranks.
  struct RankCount: Equatable {
    var path: String
    var ranks: Int
  }

  var description: String {
    switch self {
    case .noCommand(let name, let commands):
      "there is no command \"\(name)\""
        + (NearNames.of(name, among: commands, limit: 1).first.map { "; did you mean \($0)?" } ?? "")
        + "\nThe commands are \(commands.joined(separator: ", ")); see `assay help`."
    case .cannotWrite(let path, let reason):
      "cannot write \(path): \(reason)"
    case .wouldReplaceData(let path):
      "\(path) holds data and no text: it may be a golden, so no report takes its place; choose "
        + "another file"
    case .goldenExists(let path):
      "\(path) exists, and a golden changes only by approval: record another file, and make it the "
        + "golden with `assay approve FILE \(path)`, which shows what changes"
    case .rulesExist(let paths):
      "\(paths.joined(separator: " and ")) exist\(paths.count == 1 ? "s" : "") already: what is "
        + "judged by it would pass or fail by other bounds; remove it, or choose another place"
    case .recordingDisabled:
      "the capture configuration says \"enabled\": false, so nothing would be recorded; "
        + "add \"enabled\": true"
    case .badConfiguration(let path, let reason):
      "\(path): \(reason)"
    case .unknownFile(let path):
      "\(path) is neither a recorded run nor a .h5, .pt, .safetensors, .npz or .npy file"
    case .nothingSelected(let pattern, let path):
      "no module of \(path) matches \"\(pattern)\""
    case .unreadableTensors(let count, let path):
      "\(count) of the tensors of \(path) cannot be read; the list says why"
    case .noRecipe(let golden):
      "\(golden) has no recipe to run again; record it with `assay record --golden`, or give the "
        + "command that runs the model: assay replay \(golden) -- COMMAND"
    case .noModel(let golden):
      "the recipe of \(golden) names no model; give its checkpoint with --model"
    case .missingModel(let path, let golden):
      "the model of \(golden), \(path), is not there; give its checkpoint with --model"
    case .badRecipe(let golden, let reason):
      "the recipe of \(golden) cannot be replayed: \(reason)"
    case .otherPlacements(let golden, let rank, let rankCount):
      "\(golden) is rank \(rank) of \(rankCount), split otherwise than the reference engine splits a "
        + "model; give the command that runs it: assay replay \(golden) -- COMMAND"
    case .isolatedRank(let golden, let rank, let rankCount):
      "\(golden) is rank \(rank) of \(rankCount): what the other ranks add to its sums is not in "
        + "it, so its modules cannot be judged by themselves; replay it without --isolated"
    case .refusedWeights(let error):
      "\(error) (--allow-other-weights)"
    case .system(let call, let code):
      "\(call) failed: \(String(cString: strerror(code)))"
    case .cannotStart(let command, let reason):
      "cannot run \(command): \(reason)"
    case .commandFailed(let command, let ending):
      "\(command) \(ending); nothing was compared"
    case .commandRecordedNothing(let command, let variable):
      "\(command) recorded nothing: it must record what the file named by \(variable) says, as "
        + "CaptureConfiguration.fromEnvironment() reads it and `assay record` does"
    case .commandRecordedSeveral(let command, let count):
      "\(command) recorded \(count) runs, but a golden is compared with one; run the model once, "
        + "under one recorder"
    case .commandStillRecording(let command):
      "\(command) ended, but its recording was not finished: it must wait for what it starts, and "
        + "call the recorder's finish()"
    case .idlePlacements(let path, let ranks, let groups):
      "\(path) is for \(ranks) ranks, and "
        + (groups.isEmpty
          ? "no run here is a group of ranks"
          : groups.map { "\($0.path) has \($0.ranks)" }.joined(separator: ", "))
    case .notConfirmed(let golden):
      "not approved; \(golden) was not written"
    case .noTerminal(let golden):
      "standard input is no terminal to confirm on, so \(golden) was not written; give --yes"
    case .noMPI(let ranks):
      "mpirun started \(ranks) processes, and this assay was built without MPI, so each would compare "
        + "everything; build it with `make build MPI=1`, or give each its --shard"
    case .cannotReadAgain(let part, let reason):
      "\(reason); merge reads the runs again under the names that \(part) has, so call it where they are "
        + "those"
    }
  }
}

extension CommandError {
  /// Refuses weights that are not known to be the golden's, or says so and lets them pass.
  static func refuseWeights(_ error: RunError, unless areAllowed: Bool) throws(CommandError) {
    guard areAllowed else { throw .refusedWeights(error) }
    switch error {
    case .otherWeights(let expected, let actual, let path):
      Console.complain(
        "Warning: \(path) holds other weights than the golden: \(actual), not \(expected)")
    default:
      Console.complain("Warning: nothing tells whether the weights are the golden's")
    }
  }
}
