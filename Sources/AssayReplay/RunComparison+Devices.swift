import AssayComparison
import AssayTensors

extension RunComparison {
  /// What to say where the two sides have no device in common, so that no tensor found its pair.
  var deviceNote: String? {
    guard summary.tensors.compared == 0 else { return nil }
    var ours: Set<Device> = []
    var theirs: Set<Device> = []
    for step in steps {
      for tensor in step.modules.flatMap(\.tensors) {
        switch tensor.verdict {
        case .missingInExpected: ours.insert(tensor.device)
        case .missingInActual: theirs.insert(tensor.device)
        default: return nil
        }
      }
    }
    guard !ours.isEmpty, !theirs.isEmpty, ours.isDisjoint(with: theirs) else { return nil }
    let names = { (devices: Set<Device>) in devices.map(\.name).sorted().joined(separator: ", ") }
    return
      "the golden's tensors are on \(names(theirs)) and the model's on \(names(ours)); tensors "
      + "pair by device unless a device map says otherwise"
  }
}
