import AssayBase
package import AssayRuns
public import AssayTensors

/// Whether a module made an error or was handed it, and what it did to what it was handed.
public enum ErrorCause: String, Sendable, CaseIterable {
  /// It made the error itself: all its recorded inputs match, or far more comes out than its
  /// counterparts make of what goes in; and no module that it contains explains it.
  case introduced
  /// Its inputs already differ, and its outputs by about as much; or a module that it contains made
  /// the error.
  case inherited
  /// Its inputs already differ, and its outputs by at least twice as much.
  case amplified
  /// Its inputs already differ, and its outputs match or differ by at most half as much.
  case absorbed
  /// It cannot be told: its inputs were not all compared, or what it keeps between steps is not.
  case unknown
  /// Tensors of it have another shape or dtype, and no values that could be compared differ.
  case form
}

/// Where the error of one failing module call comes from.
public struct ErrorOrigin: Sendable, Equatable {
  /// Whether the module made the error or was handed it.
  public var cause: ErrorCause
  /// The worst row's relative L2 error over the inputs; `nil` without compared inputs.
  public var inputError: Double?
  /// The worst row's relative L2 error over the outputs; `nil` without compared outputs.
  public var outputError: Double?
  /// The failing module that it contains and that hands it the error.
  public var inside: CallKey?
  /// Between which recorded tensors the error was born, where that is more than the module.
  package var birthplace: Birthplace?
  /// How much error the module added to what it was handed, as relative L2 of the worst row; `nil`
  /// for one that added none, as far as it can be told.
  public var introducedError: Double?
  /// The earlier step in which the module failed without having made the error, so that what it
  /// keeps between steps, such as a key-value cache, may explain this one.
  package var earlierStep: Int?
  /// What the runs can show of the inputs, where that left the cause unknown.
  package var inputCoverage: InputCoverage?

  /// The output's error over the input's; `nil` where either is unknown, the inputs are equal or
  /// neither is finite.
  public var growth: Double? {
    guard let inputError, let outputError, inputError > 0,
      inputError.isFinite || outputError.isFinite
    else { return nil }
    return outputError / inputError
  }
}

/// Between which recorded tensors an error was born.
package struct Birthplace: Sendable, Equatable {
  /// The innermost recorded call that was running; `nil` for the root module.
  public var inside: CallKey?
  /// The last call within `inside` whose outputs were compared and match; `nil` at its start.
  public var after: CallKey?
  /// The call at whose recorded tensors the error first shows.
  public var before: CallKey
  /// Whether it shows in the inputs or the outputs of `before`.
  public var side: Slot.Side
  /// The calls in between that only one of the runs made.
  package var loneCalls: [LoneCall] = []
}

/// A call that only one of two runs made.
package struct LoneCall: Sendable, Equatable {
  /// The call.
  public var call: CallKey
  /// Whether the actual run made it, or else the expected one.
  public var isActual: Bool
}

extension Birthplace: CustomStringConvertible {
  /// For example `inside model.layers.0.self_attn, after v_proj, before o_proj`.
  public var description: String {
    text { call, parent in
      let prefix = (parent?.module ?? "") + "."
      let name = call.module.dropping(prefix: prefix) ?? call.module
      return name + (call.index == 0 ? "" : " (call \(call.index))")
    }
  }

  /// The place in words.
  ///
  /// - Parameter name: Writes a call, without the part of its name that the second argument tells.
  package func text(_ name: (CallKey, _ parent: CallKey?) -> String) -> String {
    var parts: [String] = []
    if let inside { parts.append("inside \(name(inside, nil))") }
    if let after { parts.append("after \(name(after, inside))") }
    if before == inside {
      parts.append("before its outputs")
    } else {
      parts.append("before \(side == .inputs ? "" : "the outputs of ")\(name(before, inside))")
    }
    let lone = [false, true].compactMap { isActual -> String? in
      let calls = loneCalls.filter { $0.isActual == isActual }
      guard !calls.isEmpty else { return nil }
      let names =
        calls.prefix(3).map { name($0.call, inside) }
        + (calls.count > 3 ? ["\(calls.count - 3) more"] : [])
      return "only the \(isActual ? "actual" : "expected") run calls "
        + names.joined(separator: ", ")
    }
    if !lone.isEmpty { parts.append("where " + lone.joined(separator: " and ")) }
    return parts.joined(separator: ", ")
  }
}

/// The first failing tensor in execution order, and where its error comes from.
///
/// An error is born where the code of a call that contains others makes it, between two recorded
/// tensors, as often as in the call at which it first shows: ``birthCall`` tells which.
public struct Divergence: Sendable, Equatable {
  /// The first failing call in completion order.
  public var call: CallKey
  /// The first failing tensor of the call.
  public var tensor: TensorResult
  /// Where its error comes from; its cause is unknown when a tensor is missing or unreadable.
  public var origin: ErrorOrigin

  /// The call that contains this one and whose own code made the error; `nil` where it is this call
  /// or none that was recorded.
  public var birthCall: CallKey? {
    guard let place = origin.birthplace, place.side == .inputs, place.inside != call else {
      return nil
    }
    return place.inside
  }
}

/// What a run was given otherwise than the other, before it had computed anything.
package struct OtherInputs: Sendable, Equatable {
  /// The first recorded call that was given it.
  public var call: CallKey
  /// The inputs that differ.
  public var tensors: [TensorResult]
}
