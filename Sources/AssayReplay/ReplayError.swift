import AssayComparison
import AssayRuns
public import AssayTensors

/// What keeps a replay from being made, or a golden from being approved.
public enum ReplayError: Error, Equatable, Sendable {
  /// The replay was finished before.
  case finished
  /// A copy was to be committed before the replay was finished.
  case notFinished
  /// A copy was to be committed where none was made, or a second time.
  case noCopy
  /// The copy holds less than the whole run.
  case incompleteCopy(reason: String)
  /// An isolated replay was to be copied: its modules worked on the golden's values.
  case isolatedCopy
  /// An isolated replay was to run modules on tensors of which the golden has digests only.
  case isolatedDigests(path: String, count: Int)
  /// An isolated replay was to take the inputs of all modules from a fixture.
  case isolatedFixture(path: String)
  /// A golden is there under several endings, or would be.
  case severalGoldens(paths: [String])
  /// A golden was to be written over a fixture.
  case fixtureGolden(path: String)
  /// A replay with a mapping was to do what needs a comparison while the model runs, or was to be
  /// copied.
  case notWithMapping(String)
  /// A module call has no such recorded input.
  case noInput(CallKey, slot: Slot, available: [Slot])
  /// A recorded input was left out when the golden was recorded.
  case skippedInput(CallKey, slot: Slot, reason: String)
  /// An input was recorded on several devices, or not on the one that was asked for.
  case ambiguousDevice(CallKey, slot: Slot, devices: [Device])
  /// A module's name has no number where one was asked for.
  case noIndex(module: String, after: String)
  /// The closure that runs a module threw an error.
  case moduleFailed(CallKey, reason: String)
  /// The run to approve was cut while it was recorded.
  case incompleteCandidate(path: String, steps: Int)
  /// The run to approve holds no tensor, so that nothing could ever be compared with it.
  case emptyCandidate(path: String)
  /// The run to approve is the golden itself.
  case candidateIsGolden(path: String)
}

extension ReplayError: CustomStringConvertible {
  /// What was found and what to do, for people.
  public var description: String {
    switch self {
    case .finished:
      "the replay is already finished"
    case .notFinished:
      "the replay must be finished before its copy can become a golden"
    case .noCopy:
      "the replay has no copy to commit: none was asked for, or it was committed before"
    case .incompleteCopy(let reason):
      "the copy of the replay is not whole and cannot become a golden: \(reason)"
    case .isolatedCopy:
      "an isolated replay cannot be recorded, because its modules are given the golden's inputs; "
        + "record without isolation"
    case .isolatedDigests(let path, let count):
      "\(path) keeps digests of \(count) tensors, so that modules cannot be run on them; replay "
        + "without isolation, or against a golden that was recorded whole (\"keep\": \"full\")"
    case .isolatedFixture(let path):
      "\(path) is a fixture, which need not have the inputs of every module, so that none would be "
        + "judged by itself; replay without isolation"
    case .severalGoldens(let paths):
      "\(paths.joined(separator: " and ")) would be the same golden; keep one of them"
    case .fixtureGolden(let path):
      "\(path) is a fixture, which Assay reads and does not write; approve the run as the .h5 of that "
        + "name and remove the fixture"
    case .notWithMapping(let what):
      "a replay with a mapping cannot be \(what): its tensors pair only when the model is done, and "
        + "its modules are not those of the golden"
    case .noInput(let call, let slot, let available):
      "\(call.text): the golden has no \(slot); "
        + (available.isEmpty
          ? "no input of this call was recorded"
          : "it has \(available.map(\.rawValue).joined(separator: ", "))")
    case .skippedInput(let call, let slot, let reason):
      "\(call.text): the golden was recorded without the elements of \(slot): \(reason)"
    case .ambiguousDevice(let call, let slot, let devices):
      "\(call.text): \(slot) was recorded on \(devices.map(\.name).joined(separator: ", ")); "
        + "name one of them"
    case .noIndex(let module, let component):
      "the module \(module) has no number after \"\(component)\""
    case .moduleFailed(let call, let reason):
      "\(call.text): the module under test threw an error: \(reason)"
    case .incompleteCandidate(let path, let steps):
      "\(path) was cut while it was recorded, after \(steps) complete "
        + "step\(steps == 1 ? "" : "s"), and cannot become a golden; record it again"
    case .emptyCandidate(let path):
      "\(path) holds no tensor, so it cannot become a golden: nothing could be compared with it"
    case .candidateIsGolden(let path):
      "\(path) is the golden itself, so there is nothing to approve"
    }
  }
}

extension CallKey {
  /// The call as messages name it: `step 0 model.norm`.
  fileprivate var text: String {
    "step \(step) \(module)" + (index == 0 ? "" : " call \(index)")
  }
}
