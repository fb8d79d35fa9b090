import AssayBase
import AssayRuns
import AssayTensors
import Foundation

/// A JSON object of a file that is not trusted, read key by key.
struct JSONObject {
  let path: String
  /// What stands before a key in messages: empty, or `rope_parameters.`.
  private let prefix: String
  private let members: NameMap<JSONValue>

  /// No configuration is longer; a hostile one must not fill the memory.
  private static let byteLimit = 1 << 20
  /// Above every size that occurs, and small enough that products of two cannot overflow.
  private static let sizeLimit = 1 << 28

  init(contentsOf path: String) throws(LlamaError) {
    do {
      let file = try MappedFile(path: path)
      guard file.byteCount <= JSONObject.byteLimit else {
        throw LlamaError.unreadable(path: path, reason: "\(file.byteCount) bytes are too many")
      }
      let data = file.withUnsafeBytes { Data($0) }
      guard let members = try JSONValue(decoding: data).members else {
        throw LlamaError.unreadable(path: path, reason: "it is not a JSON object")
      }
      self.init(path: path, prefix: "", members: members)
    } catch let error as LlamaError {
      throw error
    } catch {
      let reason =
        StandIn(at: path, isText: true).map { "it \($0.text)" }
        ?? (error as? FileError)?.reason ?? "\(error)"
      throw .unreadable(path: path, reason: reason)
    }
  }

  private init(path: String, prefix: String, members: NameMap<JSONValue>) {
    self.path = path
    self.prefix = prefix
    self.members = members
  }

  /// The value of a key; `nil` where it is missing or null.
  subscript(key: String) -> JSONValue? {
    members[key] == .null ? nil : members[key]
  }

  func invalid(_ key: String, _ reason: String) -> LlamaError {
    .invalidValue(path: path, key: prefix + key, reason: reason)
  }

  func unsupported(_ what: String) -> LlamaError {
    .unsupported(path: path, what: what)
  }
}

extension JSONObject {
  /// An integer of at least 1.
  func size(_ key: String, default standard: Int? = nil) throws(LlamaError) -> Int {
    guard let value = self[key] else {
      guard let standard else { throw invalid(key, "is missing") }
      return standard
    }
    guard let size = value.int, 1...JSONObject.sizeLimit ~= size else {
      throw invalid(key, "is not an integer from 1 to \(JSONObject.sizeLimit)")
    }
    return size
  }

  /// A finite number above 0.
  func number(_ key: String, default standard: Double? = nil) throws(LlamaError) -> Double {
    guard let value = self[key] else {
      guard let standard else { throw invalid(key, "is missing") }
      return standard
    }
    switch value {
    case .integer(let number) where number > 0: return Double(number)
    case .number(let number) where number > 0 && number.isFinite: return number
    default: throw invalid(key, "is not a number above 0")
    }
  }

  func bool(_ key: String, default standard: Bool) throws(LlamaError) -> Bool {
    switch self[key] {
    case nil: return standard
    case .bool(let value): return value
    default: throw invalid(key, "is neither true nor false")
    }
  }

  func string(_ key: String) throws(LlamaError) -> String? {
    guard let value = self[key] else { return nil }
    guard let text = value.text else { throw invalid(key, "is not a string") }
    return text
  }

  func strings(_ key: String) throws(LlamaError) -> [String]? {
    guard let value = self[key] else { return nil }
    guard let texts = value.items?.map(\.text), !texts.contains(nil) else {
      throw invalid(key, "is not an array of strings")
    }
    return texts.compactMap(\.self)
  }

  /// One token id or several; none where the key is missing.
  func tokenIDs(_ key: String) throws(LlamaError) -> [Int] {
    guard let value = self[key] else { return [] }
    let ids = (value.items ?? [value]).map(\.int)
    guard !ids.contains(nil) else { throw invalid(key, "holds something else than integers") }
    return ids.compactMap(\.self)
  }

  func object(_ key: String) throws(LlamaError) -> JSONObject? {
    guard let value = self[key] else { return nil }
    guard let members = value.members else { throw invalid(key, "is not an object") }
    return JSONObject(path: path, prefix: prefix + key + ".", members: members)
  }
}
