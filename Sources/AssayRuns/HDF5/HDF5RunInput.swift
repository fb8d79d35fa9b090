import AssayBase
internal import AssayHDF5
internal import AssayTensors
import Foundation

/// Reads the structure of a run from an open file, and refuses what contradicts itself.
struct HDF5RunInput {
  let file: HDF5File
  let byteCount: Int

  struct Run {
    var steps: [StepRecord] = []
    var sources: [TensorKey: HDF5TensorSource] = [:]
  }

  // MARK: The manifest

  func manifest() throws -> RunManifest {
    let attributes = file.root.attributes
    guard try attributes.contains(HDF5Schema.schema) else {
      throw RunError.notARun(
        path: file.path,
        reason: "an HDF5 file of something else: expected the root attribute "
          + "\(HDF5Schema.schema) = \"\(HDF5Schema.name)\", which is missing")
    }
    let schema = try attributes.text(HDF5Schema.schema)
    guard schema == HDF5Schema.name else {
      throw RunError.notARun(
        path: file.path,
        reason: "its schema is \"\(schema ?? "")\", expected \"\(HDF5Schema.name)\"")
    }
    guard let id = try attributes.text(HDF5Schema.id) else {
      throw damaged("the root attribute \(HDF5Schema.id) is missing")
    }
    guard let complete = try attributes.integers(HDF5Schema.complete), complete.count == 1,
      (0...1).contains(complete[0])
    else {
      throw damaged("the root attribute \(HDF5Schema.complete) is missing, or neither 0 nor 1")
    }
    return RunManifest(
      id: id, isComplete: complete == [1], provenance: try value(HDF5Schema.provenance),
      recipe: try value(HDF5Schema.recipe), configuration: try value(HDF5Schema.configuration))
  }

  /// A JSON text of the root: an attribute, or a dataset where it is long.
  private func value<Value: JSONReadable>(_ name: String) throws -> Value? {
    let dataset = HDF5Schema.dataset(for: name)
    let text: String? =
      try file.root.contains(dataset)
      ? file.root.readText(dataset, fileByteCount: byteCount)
      : file.root.attributes.text(name)
    guard let text else { return nil }
    do {
      return try Value(json: JSONValue(decoding: Data(text.utf8)))
    } catch {
      throw damaged("\(name) is not the JSON that was expected: \(error)")
    }
  }

  private func damaged(_ reason: String) -> RunError {
    .damaged(path: file.path, reason: reason)
  }

  // MARK: The steps

  func steps(of manifest: RunManifest) throws -> Run {
    let texts = [HDF5Schema.provenance, HDF5Schema.recipe, HDF5Schema.configuration]
      .map(HDF5Schema.dataset)
    var numbers: [(step: Int, link: HDF5Link)] = []
    var walk = HDF5Walk()
    for link in try file.root.links() where !texts.contains(link.name) {
      guard let number = HDF5Schema.number(in: link.name, after: "step_") else {
        throw damaged("/\(link.name) is not part of the schema \(HDF5Schema.name)")
      }
      try walk.enter(link, of: file.root)
      numbers.append((number, link))
    }
    var run = Run()
    for (number, link) in numbers.sorted(by: { $0.step < $1.step }) {
      let group = try file.root.group(link.name)
      // Without its calls, the step was cut.
      guard try group.contains(HDF5Schema.calls) else { continue }
      var reader = HDF5StepInput(
        input: self, number: number, group: group, manifest: manifest, walk: walk)
      run.steps.append(try reader.read(into: &run.sources))
      walk = reader.walk
    }
    return run
  }
}

/// What a reader has seen, so that hard links cannot make it walk in circles or forever.
struct HDF5Walk {
  private var groups: Set<UInt64> = []
  /// Datasets by address: one that has several names is looked at once.
  var datasets: [UInt64: Result<HDF5Dataset, HDF5Walk.Failure>] = [:]

  struct Failure: Error {
    var reason: String
  }

  /// Notes a group that is about to be entered.
  mutating func enter(_ link: HDF5Link, of group: HDF5Group) throws {
    guard groups.insert(link.address).inserted else {
      throw HDF5Error.unexpected(
        name: group.path(of: link.name), found: "a second name of a group",
        expected: "a group of its own")
    }
  }
}
