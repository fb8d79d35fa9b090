import AssayBase
import AssayRuns
import AssayTensors
import Foundation

/// All that a reader makes of a file, to be compared with what another makes of it.
enum HDF5Answer: Equatable {
  case refused(RunError)
  case run(RunManifest, [Step], [TensorKey: Content])

  struct Step: Equatable {
    var index: Int
    var calls: [CallKey]
    var completionOrder: [Int]
    var isOrderRecorded: Bool
    var coverages: [InputCoverage]
    var descriptions: [[Slot.Side: JSONValue]]
    /// In the order in which the reader has them.
    var tensors: [[TensorKey]]
  }

  enum Content: Equatable {
    case elements(DType, Shape, Data)
    case skipped(SkippedTensor)
    case unreadable(RunError)
    case notRecorded(String)
  }

  /// - Returns: `nil` where the file is none for these means.
  init?(_ path: String, by means: HDF5RunReader.Means) {
    let reader: HDF5RunReader
    do {
      reader = try HDF5RunReader(path: path, by: means)
    } catch {
      guard means != .native, let error = error as? RunError else { return nil }
      self = .refused(error)
      return
    }
    var contents: [TensorKey: Content] = [:]
    for record in reader.steps.flatMap(\.calls).flatMap(\.tensors) {
      contents[record.key] = HDF5Answer.content(of: record, in: reader)
    }
    let steps = reader.steps.map { step in
      Step(
        index: step.index, calls: step.calls.map(\.call), completionOrder: step.completionOrder,
        isOrderRecorded: step.isOrderRecorded, coverages: step.calls.map(\.inputCoverage),
        descriptions: step.calls.map(\.descriptions),
        tensors: step.calls.map { $0.tensors.map(\.key) })
    }
    self = .run(reader.manifest, steps, contents)
  }

  private static func content(of record: TensorRecord, in reader: HDF5RunReader) -> Content {
    switch record.content {
    case .skipped(let note): return .skipped(note)
    case .notRecorded(let reason): return .notRecorded(reason)
    case .stored:
      do {
        let tensor = try reader.tensor(record.key)
        return .elements(
          tensor.dtype, tensor.shape, tensor.withContiguousBytes { Data($0) })
      } catch let error as RunError {
        return .unreadable(error)
      } catch {
        return .notRecorded("\(error)")
      }
    }
  }
}

/// A run that was written for a test.
enum HDF5Sample {
  /// Writes steps with so many modules, with links between them, notes and digests.
  static func write(_ path: String, mode: HDF5RunWriter.Mode, modules: Int) throws {
    let writer = try HDF5RunWriter(path: path, mode: mode, manifest: RunManifest(id: "sample"))
    for step in 0..<2 {
      var parts: [CallPart] = []
      for module in 0..<modules {
        let dtype = DType.allCases[(module + step) % DType.allCases.count]
        let tensor = try Tensor(counting: dtype, shape: [2, 3], from: module * step)
        let name = "model.layers.\(module)"
        parts.append(CallPart(step, name, .inputs, .tuple([.tensor(tensor)])))
        parts.append(CallPart(step, name, .outputs, .tensor(tensor)))
      }
      let note = SkippedTensor(
        dtype: .float16, shape: try Shape([7]), device: .cpu, reason: "large")
      parts.append(
        CallPart(
          call: CallKey(step: step, module: "head", index: 1), side: .outputs, description: nil,
          tensors: [.skipped(Slot("outputs"), note)]))
      try writer.writeStep(step, parts)
    }
    try writer.receive(.runEnded(RunManifest(id: "sample")))
  }
}
