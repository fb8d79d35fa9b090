import Assay
package import AssayTesting
import Foundation

/// One cell of the table of what a replay does: a record mode and the golden it finds.
package struct RecordCell: Sendable, CustomStringConvertible {
  package let mode: RecordMode
  package let golden: Golden
  package let channel: Channel

  package enum Golden: CaseIterable, Sendable {
    case absent, matching, differing
    /// Those that PyTorch recorded.
    case foreignMatching, foreignDiffering

    fileprivate var isForeign: Bool { self == .foreignMatching || self == .foreignDiffering }
    fileprivate var isMatch: Bool { self == .matching || self == .foreignMatching }
  }

  /// How the mode is chosen.
  package enum Channel: CaseIterable, Sendable {
    case argument, scope, environment
  }

  package static let all = RecordMode.allCases.flatMap { mode in
    Golden.allCases.flatMap { golden in
      Channel.allCases.map { RecordCell(mode: mode, golden: golden, channel: $0) }
    }
  }

  package var description: String { "\(mode) with a \(golden) golden, by \(channel)" }

  private enum Outcome { case passes, fails(String), records(String) }

  private var outcome: Outcome {
    switch (mode, golden) {
    case (.never, .absent): .fails("does not exist, and the record mode is never")
    case (_, .absent): .records("did not exist and was recorded")
    case (.all, .foreignMatching), (.all, .foreignDiffering):
      .fails("is not recorded by a test: assay_torch 0.1.0 with pytorch 2.13.0")
    case (_, .foreignDiffering):
      .fails(
        "made by:   assay_torch 0.1.0 with pytorch 2.13.0 at 2026-01-01T00:00:00Z; approved by")
    case (.all, _): .records("was recorded anew")
    case (_, .matching), (_, .foreignMatching): .passes
    case (.failed, .differing): .records("was recorded anew")
    case (_, .differing): .fails("second")
    }
  }
}

extension RecordCell {
  private static let name = "toy/model"

  /// Runs the cell's replay.
  ///
  /// - Parameter failures: Runs a closure and collects the texts of the failures that it made.
  /// - Returns: What is not as the table says.
  package func problems(
    collecting failures: (() throws -> Void) throws -> [String]
  ) throws -> [String] {
    let playground = try Playground()
    let path = playground.file(Self.name)
    if golden != .absent { try makeGolden(playground) }
    let before = FileState(path)
    let texts = try failures { try replay(in: playground) }
    var problems: [String] = []
    func check(_ condition: Bool, _ problem: @autoclosure () -> String) {
      if !condition { problems.append("\(self): \(problem())") }
    }
    let after = FileState(path)
    let files = playground.goldenFiles
    switch outcome {
    case .passes:
      check(texts.isEmpty, "failed: \(texts)")
      check(after == before, "the golden was touched")
    case .fails(let text):
      check(texts.count == 1 && texts[0].contains(text), "no \"\(text)\" in \(texts)")
      check(after == before, "the golden was touched")
      if golden.isForeign {
        check(
          !texts[0].contains("ASSAY_RECORD") && texts[0].contains("assay approve"),
          "it tells people to record over it: \(texts)")
      }
    case .records(let text):
      check(texts.count == 1 && texts[0].contains(text), "no \"\(text)\" in \(texts)")
      check(texts.first?.contains(path) == true, "the file is not named: \(texts)")
      check(after.bytes != before.bytes, "the golden was not written")
      try problems += recordedProblems(playground)
    }
    check(
      files == (after.bytes == nil ? [] : [Self.name + ".h5"]), "these files are there: \(files)")
    return problems
  }

  private func makeGolden(_ playground: Playground) throws {
    try playground.record(Self.name, .with { $0.factor = golden.isMatch ? 3 : 5 })
    if golden.isForeign { try playground.disown(Self.name, as: Playground.pytorch) }
  }

  private func replay(in playground: Playground) throws {
    let (recipe, model) = (ToyModel.recipe, ToyModel())
    switch channel {
    case .argument:
      try playground.run {
        try assertReplay(Self.name, recipe: recipe, record: mode, model.run)
      }
    case .scope:
      try playground.run {
        try withAssay(record: mode) { try assertReplay(Self.name, recipe: recipe, model.run) }
      }
    case .environment:
      try playground.run(["ASSAY_RECORD": mode.rawValue]) {
        try assertReplay(Self.name, recipe: recipe, model.run)
      }
    }
  }

  /// What is wrong with a golden that was recorded.
  private func recordedProblems(_ playground: Playground) throws -> [String] {
    let recorded = try openRun(at: playground.file(Self.name))
    let approvals = recorded.manifest.provenance?.approvals ?? []
    var problems: [String] = []
    if !recorded.manifest.isComplete { problems.append("\(self): it is incomplete") }
    if recorded.manifest.recipe != ToyModel.recipe { problems.append("\(self): another recipe") }
    if approvals.count != (golden == .absent ? 1 : 2) {
      problems.append("\(self): \(approvals.count) approvals")
    }
    if approvals.last?.to != recorded.manifest.id
      || (approvals.last?.from == nil) != (golden == .absent)
    {
      problems.append("\(self): the approval is \(approvals.last as Any)")
    }
    let again = try playground.run {
      try verifyReplay(Self.name, record: .never, ToyModel().run)
    }
    if !again.isMatch { problems.append("\(self): it does not match the model that recorded it") }
    return problems
  }
}
