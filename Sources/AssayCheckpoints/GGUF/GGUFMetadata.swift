/// Reads keys of a GGUF file's metadata as the types they must have.
struct GGUFMetadata {
  var path: String
  var values: [String: GGUFValue]

  func invalid(_ key: String, _ reason: String) -> GGUFError {
    .invalidValue(path: path, key: key, reason: reason)
  }

  func string(_ key: String) throws(GGUFError) -> String? {
    guard let value = values[key] else { return nil }
    guard case .string(let text) = value else { throw invalid(key, "is no text") }
    return text
  }

  /// A positive integer.
  func size(_ key: String) throws(GGUFError) -> Int? {
    guard let value = values[key] else { return nil }
    guard case .integer(let size) = value, (1...1 << 32).contains(size) else {
      throw invalid(key, "is no positive integer")
    }
    return size
  }

  func requiredSize(_ key: String) throws(GGUFError) -> Int {
    guard let size = try size(key) else { throw invalid(key, "is missing") }
    return size
  }

  /// A finite number: the shortest decimal that its 32 bits stand for, as 1e-5 for 0.0000099999997.
  func number(_ key: String) throws(GGUFError) -> Double? {
    guard let value = values[key] else { return nil }
    switch value {
    case .integer(let number): return Double(number)
    case .double(let number) where number.isFinite:
      return Double(Float(number)) == number ? Double("\(Float(number))") : number
    default: throw invalid(key, "is no finite number")
    }
  }

  func tokenID(_ key: String) throws(GGUFError) -> Int? {
    guard let value = values[key] else { return nil }
    guard case .integer(let id) = value, id >= 0 else { throw invalid(key, "is no token id") }
    return id
  }
}
