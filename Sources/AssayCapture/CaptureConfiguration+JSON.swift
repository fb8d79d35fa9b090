package import AssayBase
import AssayRuns
import AssayTensors
import Foundation

extension CaptureConfiguration {
  private enum Key: String, CaseIterable {
    case enabled
    case outputDirectory = "output_dir"
    case modules = "module_call_match"
    case steps = "log_step_ids"
    case maxTensorSize = "max_tensor_size"
    case devices = "device_names"
    case postForwardInputs = "log_post_fwd_inputs"
    case formats
    case keep
  }

  /// Reads a configuration that was given inline: without `enabled` it is off.
  ///
  /// - Throws: ``CaptureError``, which names the key.
  public init(json: String) throws {
    try self.init(data: Data(json.utf8), enabledByDefault: false)
  }

  /// Reads a configuration file: without `enabled` it is on.
  ///
  /// - Throws: ``CaptureError``, which names the key.
  public init(contentsOfFile path: String) throws {
    let data = try Self.read(path)
    try self.init(data: data, enabledByDefault: true)
  }

  private static func read(_ path: String) throws(CaptureError) -> Data {
    do {
      return try MappedFile(path: path).withUnsafeBytes { Data($0) }
    } catch {
      throw .unreadableFile(path: path, reason: error.reason)
    }
  }

  private init(data: Data, enabledByDefault: Bool) throws {
    let value: JSONValue
    do {
      value = try JSONValue(decoding: data)
    } catch {
      throw CaptureError.notAConfiguration(reason: "\(error)")
    }
    try self.init(value, enabledByDefault: enabledByDefault)
  }

  /// Reads a configuration, such as a run's manifest holds.
  ///
  /// - Parameters:
  ///   - value: An object with vLLM's keys.
  ///   - enabledByDefault: What `enabled` is when it is not there.
  /// - Throws: ``CaptureError``, which names the key.
  package init(_ value: JSONValue, enabledByDefault: Bool = false) throws {
    guard let members = value.members else {
      throw CaptureError.notAConfiguration(reason: "found \(value.kind)")
    }
    self.init()
    isEnabled = enabledByDefault
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      guard let key = Key(rawValue: name) else {
        throw CaptureError.unknownKey(name, valid: Key.allCases.map(\.rawValue))
      }
      try read(key, ConfigurationValue(key: name, value: value))
    }
  }

  private mutating func read(_ key: Key, _ value: ConfigurationValue) throws {
    switch key {
    case .enabled: isEnabled = try value.bool()
    case .outputDirectory: outputDirectory = try value.nonEmptyString()
    case .modules: modules = try value.isNull ? ModuleFilter() : value.moduleFilter()
    case .steps: steps = Set(try value.naturals())
    case .maxTensorSize: maxTensorSize = try value.isNull ? nil : value.natural()
    case .devices: devices = Set(try value.strings("an array of strings").map { Device($0) })
    case .postForwardInputs: recordsPostForwardInputs = try value.bool()
    case .formats: formats = try value.formats()
    case .keep: keep = try value.keep()
    }
  }

  /// The configuration with its keys, as a run's manifest keeps it.
  package var jsonValue: JSONValue {
    func member(_ key: Key, _ value: JSONValue) -> (String, JSONValue) { (key.rawValue, value) }
    let rules = modules.rules.map { JSONValue.string($0.source) }
    var members = Dictionary(uniqueKeysWithValues: [
      member(.enabled, .bool(isEnabled)),
      member(.outputDirectory, .string(outputDirectory)),
      member(.modules, rules.isEmpty ? .null : .array(rules)),
      member(.steps, .array(steps.sorted().map { .integer(Int64($0)) })),
      member(.maxTensorSize, maxTensorSize.map { .integer(Int64($0)) } ?? .null),
      member(.devices, .array(devices.map(\.name).sorted().map(JSONValue.string))),
      member(.postForwardInputs, .bool(recordsPostForwardInputs)),
      member(.formats, .array(formats.map { .string($0.rawValue) })),
    ])
    // Only where it says something: readers of before do not know it.
    if keep != .full { members[Key.keep.rawValue] = .string(keep.rawValue) }
    return .object(members)
  }
}
