/// Why a text is not the JSON that was expected.
public struct JSONError: Error, Equatable {
  private enum Kind: Equatable {
    case syntax(String)
    case missing
    case wrongType
    case invalid
  }

  private var kind: Kind
  /// The keys and positions that lead to the value at fault, as they are shown.
  private var path = ""

  private init(_ kind: Kind) {
    self.kind = kind
  }

  /// The text is no JSON.
  static func syntax(_ reason: String) -> JSONError { JSONError(.syntax(reason)) }
  /// An object lacks a key.
  static var missing: JSONError { JSONError(.missing) }
  /// A value is of another type than the one that is asked for.
  package static var wrongType: JSONError { JSONError(.wrongType) }
  /// A value is of the right type, and nothing that it can hold.
  package static var invalid: JSONError { JSONError(.invalid) }

  /// The error of a member, seen from its object.
  package func under(key: String) -> JSONError { under(".\(key)") }

  /// The error of an item, seen from its array.
  func under(position: Int) -> JSONError { under("[\(position)]") }

  private func under(_ component: String) -> JSONError {
    var error = self
    error.path = component + path
    return error
  }
}

extension JSONError: CustomStringConvertible {
  /// What was found, with the key that is at fault.
  public var description: String {
    let place =
      path.isEmpty ? "the whole text" : path.hasPrefix(".") ? String(path.dropFirst()) : path
    return switch kind {
    case .syntax(let reason): "it is not valid JSON: \(reason)"
    case .missing: "it lacks the key \(place)"
    case .wrongType: "the value of \(place) has the wrong type"
    case .invalid: "the value of \(place) is not valid"
    }
  }
}
