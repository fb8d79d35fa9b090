import AssayBase
internal import AssayHDF5
internal import AssayTensors
import Foundation

/// Reads the structure of a run from an open file, and refuses what contradicts itself.
struct HDF5RunInput {
  let path: String
  let root: any HDF5GroupInput

  struct Run {
    var manifest: RunManifest
    var steps: [StepRecord] = []
    var sources: [TensorKey: HDF5TensorSource] = [:]
  }

  func run() throws -> Run {
    var run = Run(manifest: try manifest())
    try readSteps(of: &run)
    return run
  }

  // MARK: The manifest

  private func manifest() throws -> RunManifest {
    guard let schema = try root.text(ofAttribute: HDF5Schema.schema) else {
      throw RunError.notARun(
        path: path,
        reason: "an HDF5 file of something else: expected the root attribute "
          + "\(HDF5Schema.schema) = \"\(HDF5Schema.name)\", which is missing")
    }
    guard schema == HDF5Schema.name else {
      throw RunError.notARun(
        path: path,
        reason: "its schema is \"\(schema)\", expected \"\(HDF5Schema.name)\"")
    }
    guard let id = try root.text(ofAttribute: HDF5Schema.id) else {
      throw damaged("the root attribute \(HDF5Schema.id) is missing")
    }
    guard let complete = try root.integers(ofAttribute: HDF5Schema.complete), complete.count == 1,
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
      try root.contains(dataset) ? root.text(of: dataset) : root.text(ofAttribute: name)
    guard let text else { return nil }
    do {
      return try Value(json: JSONValue(decoding: Data(text.utf8)))
    } catch {
      throw damaged("\(name) is not the JSON that was expected: \(error)")
    }
  }

  private func damaged(_ reason: String) -> RunError {
    .damaged(path: path, reason: reason)
  }

  // MARK: The steps

  private func readSteps(of run: inout Run) throws {
    let texts = [HDF5Schema.provenance, HDF5Schema.recipe, HDF5Schema.configuration]
      .map(HDF5Schema.dataset)
    var numbers: [(step: Int, link: HDF5Link)] = []
    let walk = HDF5Walk()
    for link in try root.links() where !texts.contains(link.name) {
      guard let number = HDF5Schema.number(in: link.name, after: "step_") else {
        throw damaged("/\(link.name) is not part of the schema \(HDF5Schema.name)")
      }
      try walk.enter(link, of: root)
      numbers.append((number, link))
    }
    for (number, link) in numbers.sorted(by: { $0.step < $1.step }) {
      let group = try root.group(at: link)
      // Without its calls, the step was cut.
      guard try group.contains(HDF5Schema.calls) else { continue }
      let reader = HDF5StepInput(
        input: self, number: number, group: group, manifest: run.manifest, walk: walk)
      run.steps.append(try reader.read(into: &run.sources))
    }
  }
}

/// What a reader has seen, so that hard links cannot make it walk in circles or forever.
final class HDF5Walk {
  private var groups: Set<UInt64> = []
  /// Datasets by address: one that has several names is looked at once.
  private var datasets: [UInt64: Result<HDF5Dataset, HDF5Walk.Failure>] = [:]

  struct Failure: Error {
    var reason: String
  }

  /// Notes a group that is about to be entered.
  func enter(_ link: HDF5Link, of group: any HDF5GroupInput) throws {
    guard groups.insert(link.address).inserted else {
      throw HDF5Error.unexpected(
        name: group.path(of: link.name), found: "a second name of a group",
        expected: "a group of its own")
    }
  }

  /// What a link leads to, or why it cannot be read; other tensors are not touched by that.
  ///
  /// - Throws: ``HDF5Unread``, which touches the whole file.
  func dataset(
    at link: HDF5Link, of group: any HDF5GroupInput
  ) throws -> Result<HDF5Dataset, HDF5Walk.Failure> {
    if let found = datasets[link.address] { return found }
    let found: Result<HDF5Dataset, HDF5Walk.Failure>
    do {
      found = .success(try group.dataset(at: link))
    } catch let error as HDF5Unread {
      throw error
    } catch {
      found = .failure(Failure(reason: String(describing: error)))
    }
    datasets[link.address] = found
    return found
  }
}
