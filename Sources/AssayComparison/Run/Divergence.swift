public import AssayRuns
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
  public var inside: ModuleCall?
  /// Between which recorded tensors the error was born, where that is more than the module.
  public var birthplace: Birthplace?
  /// How much error the module added to what it was handed, as relative L2 of the worst row; `nil`
  /// for one that added none, as far as it can be told.
  public var introducedError: Double?
  /// The earlier step in which the module failed without having made the error, so that what it
  /// keeps between steps, such as a key-value cache, may explain this one.
  public var earlierStep: Int?

  /// The output's error over the input's; `nil` where either is unknown or the inputs are equal.
  public var growth: Double? {
    guard let inputError, let outputError, inputError > 0 else { return nil }
    return outputError / inputError
  }
}

/// Between which recorded tensors an error was born.
public struct Birthplace: Sendable, Equatable {
  /// The innermost recorded call that was running; `nil` for the root module.
  public var inside: ModuleCall?
  /// The last call within `inside` whose outputs were compared and match; `nil` at its start.
  public var after: ModuleCall?
  /// The call at whose recorded tensors the error first shows.
  public var before: ModuleCall
  /// Whether it shows in the inputs or the outputs of `before`.
  public var side: Slot.Side
}

extension Birthplace: CustomStringConvertible {
  /// For example `inside model.layers.0.self_attn, after v_proj, before o_proj`.
  public var description: String {
    text { call, parent in
      let prefix = (parent?.module ?? "") + "."
      let name =
        call.module.hasPrefix(prefix) ? call.module.dropFirst(prefix.count) : call.module[...]
      return name + (call.call == 0 ? "" : " (call \(call.call))")
    }
  }

  /// The place in words.
  ///
  /// - Parameter name: Writes a call, without the part of its name that the second argument tells.
  package func text(_ name: (ModuleCall, _ parent: ModuleCall?) -> String) -> String {
    var parts: [String] = []
    if let inside { parts.append("inside \(name(inside, nil))") }
    if let after { parts.append("after \(name(after, inside))") }
    if before == inside {
      parts.append("before its outputs")
    } else {
      parts.append("before \(side == .inputs ? "" : "the outputs of ")\(name(before, inside))")
    }
    return parts.joined(separator: ", ")
  }
}

/// The first failing tensor in execution order, and where its error comes from.
public struct Divergence: Sendable, Equatable {
  /// The step.
  public var step: Int
  /// The first failing call in completion order.
  public var call: ModuleCall
  /// The first failing tensor of the call.
  public var tensor: TensorResult
  /// Where its error comes from; its cause is unknown when a tensor is missing or unreadable.
  public var origin: ErrorOrigin
}
