import AssayRuns
import AssayTensors
import Foundation

/// A folder that is gone when the test is over.
final class HDF5TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(component: "assay-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(component: name).path }

  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }
  }
}

enum HDF5Fixture {
  static func path(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/hdf5/\(name)").path
  }
}

extension Tensor {
  /// A tensor of given bytes.
  init(bytes: [UInt8], dtype: DType, shape: [Int], device: Device = .cpu) throws {
    self = try Tensor(
      storage: bytes.withUnsafeBytes { Storage(copying: $0) }, dtype: dtype, shape: Shape(shape),
      device: device)
  }

  /// A tensor whose bytes tell the order; a bool's are 0 and 1.
  init(counting dtype: DType, shape: [Int], from first: Int = 0, device: Device = .cpu) throws {
    let count = try Shape(shape).elementCount * dtype.byteCount
    let bytes = (first..<first + count).map { UInt8($0 * 37 % (dtype == .bool ? 2 : 251)) }
    try self.init(bytes: bytes, dtype: dtype, shape: shape, device: device)
  }

  var rowMajorBytes: [UInt8] { withContiguousBytes { Array($0) } }
}

extension CallPart {
  /// One side of a call whose value is described as captured.
  init(_ step: Int, _ module: String, call: Int = 0, _ side: Slot.Side, _ value: CapturedValue) {
    self.init(
      call: CallKey(step: step, module: module, index: call), side: side,
      description: value.description,
      tensors: value.tensors(in: Slot(side.rawValue)).map { .stored($0.slot, $0.tensor) })
  }
}

extension HDF5RunWriter {
  /// Writes a step whose calls complete in the order in which they began.
  func writeStep(_ step: Int, _ parts: [CallPart]) throws {
    try receive(.stepBegan(step))
    var calls: [CallKey] = []
    for part in parts {
      try receive(.captured(part))
      if !calls.contains(part.call) { calls.append(part.call) }
    }
    try receive(.stepEnded(step, calls: calls, completionOrder: Array(calls.indices)))
  }
}
