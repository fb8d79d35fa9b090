import AssayBase
import AssayCheckpoints
import AssayRuns
import AssayTensors
import Foundation

/// The tensors of a checkpoint's files, taken one by one until none is left.
struct CheckpointWeights {
  private var tensors: [String: (path: String, tensor: Tensor)] = [:]
  private let source: String

  /// Maps `model.safetensors`, or all files that `model.safetensors.index.json` lists.
  init(checkpoint: String) throws(LlamaError) {
    let index = checkpoint + "/model.safetensors.index.json"
    guard FileManager.default.fileExists(atPath: index) else {
      source = checkpoint + "/model.safetensors"
      guard FileManager.default.fileExists(atPath: source) else {
        if let error = RunError.standIn(at: source) ?? .standIn(at: index) {
          throw .invalidWeights(error)
        }
        throw .unreadable(path: source, reason: "no such file, nor model.safetensors.index.json")
      }
      try add(source)
      return
    }
    source = index
    let files: [String: String]
    do {
      files = try SafetensorsIndex(path: index).files
    } catch {
      throw .invalidWeights(error)
    }
    for name in Set(files.values).sorted() { try add(checkpoint + "/" + name) }
    for (name, file) in files.sorted(by: { $0.key < $1.key }) {
      let path = checkpoint + "/" + file
      guard tensors[name]?.path == path else { throw .missingTensor(name, path: path) }
    }
  }

  private mutating func add(_ path: String) throws(LlamaError) {
    let file: SafetensorsFile
    do {
      file = try SafetensorsFile(path: path)
    } catch {
      throw .invalidWeights(error)
    }
    if let (name, reason) = file.unsupported.first {
      throw .invalidWeights(.unsupported(path: path, reason: "tensor \"\(name)\": \(reason)"))
    }
    for (name, tensor) in file.tensors {
      guard tensors.updateValue((path, tensor), forKey: name) == nil else {
        throw .duplicateTensor(name, path: path)
      }
    }
  }

  /// Takes a tensor, to be read as float32 values that a dtype can represent.
  ///
  /// - Parameters:
  ///   - name: The tensor's name in the checkpoint.
  ///   - axes: The extents that it must have, and of each the part that is read.
  mutating func take(
    _ name: String, _ axes: [AxisPart], _ rounding: Rounding
  ) throws(LlamaError) -> Weights {
    guard let (path, tensor) = tensors.removeValue(forKey: name) else {
      throw .missingTensor(name, path: source)
    }
    let (found, shape) = (tensor.shape.dimensions, axes.map(\.whole))
    guard found == shape else {
      throw .misshapenTensor(name, path: path, expected: shape, found: found)
    }
    guard [.float32, .bfloat16, .float16].contains(tensor.dtype) else {
      throw .unsupportedTensorDType(name, path: path, found: tensor.dtype)
    }
    var part = tensor
    for (axis, kept) in axes.enumerated() {
      guard let narrower = try? part.part(kept.range, alongAxis: axis) else {
        throw .misshapenTensor(name, path: path, expected: shape, found: found)
      }
      part = narrower
    }
    return Weights(part, rounding)
  }

  /// Forgets a tensor that may be there although nothing needs it.
  mutating func ignore(_ name: String) {
    tensors[name] = nil
  }

  /// Makes sure that every tensor was taken.
  func finish() throws(LlamaError) {
    if let (name, entry) = tensors.min(by: { $0.key < $1.key }) {
      throw .unexpectedTensor(name, path: entry.path)
    }
  }
}
