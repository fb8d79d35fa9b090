import AssayBase
import AssayTensors

/// What the key of a fixture says: which step, module, call, slot and device its tensor is of.
///
/// A key is the name of a module, or of a stage, whose `outputs` the tensor is, unless it says more:
/// - `step_<n>/` at its beginning says the step, which else is 0;
/// - the last part, behind a `.` or `/`, says the slot where it is `inputs`, `outputs` or
///   `post_fwd_inputs`, alone or with `_` and more behind it;
/// - `outputs`, `inputs_0` and such that stand alone are those of the module `root`;
/// - `<module>/call_<c>/<device>/<slot>` is what Assay's own datasets are called.
struct FixtureKey {
  let key: TensorKey

  init(_ name: String) {
    var parts = name.parts(separatedBy: "/")
    var step = 0
    if parts.count > 1, let number = Self.number(parts[0], behind: "step_") {
      step = number
      parts.removeFirst()
    }
    let count = parts.count
    if count > 3, let call = Self.number(parts[count - 3], behind: "call_") {
      let slot = Slot(DiskName.decode(parts[count - 1]))
      let module = DiskName.decode(parts.dropLast(3).joined(separator: "/"))
      if slot.side != nil, !module.isEmpty, !parts[count - 2].isEmpty {
        key = TensorKey(
          CallKey(step: step, module: module, index: call),
          device: Device(pathName: parts[count - 2]), slot: slot)
        return
      }
    }
    let (module, slot) = Self.moduleAndSlot(parts.joined(separator: "/"))
    key = TensorKey(CallKey(step: step, module: module), device: .cpu, slot: slot)
  }

  private static func moduleAndSlot(_ name: String) -> (String, Slot) {
    let scalars = name.unicodeScalars
    guard let separator = scalars.lastIndex(where: { $0 == "." || $0 == "/" }) else {
      // A stage may well be called inputs_embeds.
      return name.contains(/^(inputs|outputs|post_fwd_inputs)(_[0-9]+)*$/)
        ? ("root", Slot(name)) : (name, Slot(Slot.Side.outputs.rawValue))
    }
    let module = String(scalars[..<separator])
    let slot = Slot(String(scalars[scalars.index(after: separator)...]))
    return slot.side == nil || module.isEmpty
      ? (name, Slot(Slot.Side.outputs.rawValue)) : (module, slot)
  }

  /// The number behind a word, written as Assay writes it.
  private static func number(_ part: String, behind word: String) -> Int? {
    part.dropping(prefix: word).flatMap { digits in
      Int(digits).flatMap { $0 >= 0 && String($0).isSame(as: digits) ? $0 : nil }
    }
  }
}
