import Assay
import Foundation

/// One replay of a whole model, between its setting up and its outcome.
///
/// What the test runs in between may be asynchronous or not: that is all that tells the two forms
/// of an assertion apart.
struct ReplaySession {
  private let request: ReplayRequest
  private let settings: ReplaySettings
  private let work: Work

  private enum Work {
    /// Compares with the golden, and nothing else.
    case comparing(Replay)
    /// Compares with the golden and keeps what was captured, to take the golden's place.
    case replacing(Replay, old: any RunReader, always: Bool)
    /// Records the first golden.
    case recording(Recorder)
  }

  /// Opens the golden and whatever records another one.
  ///
  /// - Throws: ``ReplayTestError``, and the errors of the golden's file.
  init(_ request: ReplayRequest) throws {
    self.request = request
    settings = try ReplaySettings(
      golden: request.golden, record: request.record, tolerance: request.tolerance,
      site: request.site)
    work = try Self.work(request, settings)
  }

  /// What the model is given to announce its calls to.
  var probe: Probe {
    switch work {
    case .comparing(let replay), .replacing(let replay, _, _): replay.probe
    case .recording(let recorder): recorder.probe
    }
  }

  /// Settles the outcome.
  ///
  /// - Parameter error: What the model threw, if it did; then no golden is written.
  /// - Returns: The comparison with the golden.
  /// - Throws: `error`, ``ReplayTestError/recorded(path:changes:)``, and the errors of recording.
  func finish(after error: (any Error)? = nil) throws -> RunComparison {
    switch work {
    case .comparing(let replay):
      return try replay.finish(after: error)
    case .replacing(let replay, let old, let always):
      let comparison = try replay.finish(after: error)
      guard always || !comparison.isMatch, !comparison.isOfNothing else {
        replay.discardCopy()
        return comparison
      }
      try replay.commitCopy { manifest in approve(&manifest, replacing: old.manifest) }
      let changes = ChangeList(comparison)
      throw ReplayTestError.recorded(
        path: settings.path,
        changes: GoldenChanges(text: changes.text, markdown: changes.markdown))
    case .recording(let recorder):
      do {
        if let error { throw error }
        try recorder.finish { manifest in approve(&manifest, replacing: nil) }
      } catch let error as CaptureError where error.isOfNoGolden {
        throw ReplayTestError.nothingToReplay(
          path: settings.path, reason: "\(error)", near: settings.nearNames)
      }
      throw ReplayTestError.recorded(path: settings.path, changes: nil, near: settings.nearNames)
    }
  }

  private func approve(_ manifest: inout RunManifest, replacing old: RunManifest?) {
    let approval = Approval(to: manifest.id, reason: "recorded by \(request.site.testName)")
    manifest.provenance?.tool = Provenance.testTool
    manifest = manifest.approved(by: approval, replacing: old)
  }
}

extension ReplaySession {
  private static func work(_ request: ReplayRequest, _ settings: ReplaySettings) throws -> Work {
    let file = GoldenFile(path: settings.path)
    if request.mapping != nil, !file.exists || settings.mode == .all || settings.mode == .failed {
      throw ReplayTestError.notRecordable(path: settings.path, reason: mappingReason)
    }
    guard file.exists else { return try firstRecording(request, settings, file) }
    var golden: any RunReader = try file.open()
    let old = golden
    let foreign = old.manifest.reasonNotToRecord(modelHash: request.recipe?.modelHash)
    if let foreign, settings.mode == .all {
      throw ReplayTestError.foreignGolden(path: settings.path, reason: foreign)
    }
    if settings.mode == .all || golden.manifest.recipe == nil {
      golden = GoldenAnew(golden, recipe: request.recipe)
    }
    if settings.mode == .all { golden = GoldenAnew(golden, configuration: request.capturing) }
    // What an isolated replay captures ran on the golden's own values: it is no golden.
    let records =
      foreign == nil && !request.isIsolated
      && (settings.mode == .all || settings.mode == .failed)
    if request.isIsolated, settings.mode == .all {
      throw ReplayTestError.notRecordable(path: settings.path, reason: isolatedReason)
    }
    let options = settings.options(
      isIsolated: request.isIsolated,
      stopsAtFirstDivergence: request.stopsAtFirstDivergence && !records,
      mapping: request.mapping)
    guard records else { return .comparing(try Replay(golden: golden, options: options)) }
    let manifest = newManifest(recipe: golden.manifest.recipe)
    return .replacing(
      try Replay(golden: golden, options: options, copyingTo: file.writer(manifest: manifest)),
      old: old, always: settings.mode == .all)
  }

  private static let mappingReason =
    "with a mapping it is the golden of a model whose modules differ; record it with that model"

  private static let isolatedReason =
    "in an isolated replay modules run on the golden's values; replay once without `isolated`"

  private static func firstRecording(
    _ request: ReplayRequest, _ settings: ReplaySettings, _ file: GoldenFile
  ) throws -> Work {
    guard settings.mode != .never else {
      throw ReplayTestError.noGolden(
        path: settings.path, mode: .never, recordedBy: request.command(recording: .missing),
        near: settings.nearNames)
    }
    guard !request.isIsolated else {
      throw ReplayTestError.notRecordable(path: settings.path, reason: isolatedReason)
    }
    let manifest = newManifest(recipe: request.recipe)
    let recorder = Recorder(
      configuration: request.capturing ?? everything,
      writers: [try file.writer(manifest: manifest)], manifest: manifest)
    return .recording(recorder)
  }

  private static var everything: CaptureConfiguration {
    var configuration = CaptureConfiguration()
    configuration.steps = []
    return configuration
  }

  private static func newManifest(recipe: Recipe?) -> RunManifest {
    var provenance = Provenance.current()
    provenance.modelHash = recipe?.modelHash
    provenance.dtype = recipe?.dtype
    return RunManifest(
      id: UUID().uuidString.lowercased(), isComplete: false, provenance: provenance, recipe: recipe)
  }
}

extension CaptureError {
  /// Whether it may only be that the golden's name is wrong.
  fileprivate var isOfNoGolden: Bool {
    switch self {
    case .noRecipe, .noGoldenInput, .nothingRecorded: true
    default: false
    }
  }
}

extension RunComparison {
  /// Whether the model announced nothing, so that there is nothing to record.
  fileprivate var isOfNothing: Bool {
    failures.contains { if case .nothingRecorded = $0 { true } else { false } }
  }
}
