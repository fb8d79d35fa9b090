import AssayBase
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

/// Groups of HDF5 files as one file of virtual datasets; the values are by hand.
@Suite struct VirtualTensorsTests {
  private struct Piece {
    var values: [Float]
    var shape: [Int]
  }

  private static let key = TensorKey(
    CallKey(step: 0, module: "a/b%"), device: .cpu, slot: Slot("outputs"))

  private let root: TemporaryDirectory

  init() throws { root = try TemporaryDirectory() }

  private var path: String { root.path + "/one.h5" }

  private func writeRank(
    _ rank: Int, _ piece: Piece?, of size: Int, _ placements: String
  ) throws {
    var run = InMemoryRun(path: "rank\(rank)", id: "run-rank\(rank)", isComplete: true)
    var provenance = Provenance(tool: "test", toolVersion: "0", created: "2026-11-27T00:00:00Z")
    (provenance.rank, provenance.worldSize) = (rank, size)
    provenance.placements = try JSONValue(decoding: Data(placements.utf8))
    run.manifest.provenance = provenance
    run.begin(Self.key.module)
    if let piece {
      run.add(
        try Tensor(piece.values, dtype: .float32, shape: Shape(piece.shape)), Self.key.module,
        "outputs")
    }
    let path = root.path + "/ranks/run.rank\(rank).h5"
    try copyRun(
      from: run, to: HDF5RunWriter(path: path, mode: .golden, manifest: run.manifest))
  }

  /// Writes the ranks' files and the one of virtual datasets.
  private func write(_ pieces: [Piece?], _ rule: String, mesh: String? = nil) throws {
    let mesh = mesh ?? #"[{"tp": \#(pieces.count)}]"#
    let placements = #"{"mesh": \#(mesh), "rules": [{"module": ".*", \#(rule)}]}"#
    for (rank, piece) in pieces.enumerated() {
      try writeRank(rank, piece, of: pieces.count, placements)
    }
    try convert()
  }

  private func convert() throws {
    let group = try #require(openRun(at: root.path + "/ranks") as? RankGroup)
    try copyRun(
      from: group,
      to: HDF5RunWriter(
        path: path, mode: .golden, manifest: group.manifest,
        virtual: try VirtualTensors(group, beside: path)))
  }

  private func read(_ path: String? = nil) throws -> Tensor {
    try openRun(at: path ?? self.path, placements: nil, readsVirtual: true).tensor(Self.key)
  }

  private func reason(_ body: () throws -> Tensor) -> String {
    do {
      _ = try body()
      return "nothing was wrong"
    } catch { return "\(error)" }
  }

  private static let halves = [
    Piece(values: [1, 2, 5, 6], shape: [2, 2]), Piece(values: [3, 7], shape: [2, 1]),
  ]
  private static let columns = #""tp": {"shard": -1}"#

  @Test func shardsAreReadFromTheRanksFiles() throws {
    try write(Self.halves, Self.columns)
    let whole = try read()
    #expect(whole.shape.dimensions == [2, 3] && whole.dtype == .float32)
    #expect(whole.float32Values() == [1, 2, 3, 5, 6, 7])
  }

  @Test func withoutTheFlagVirtualDatasetsAreRefused() throws {
    try write(Self.halves, Self.columns)
    let run = try openRun(at: path)
    #expect(
      reason { try run.tensor(Self.key) }.contains(
        "a virtual dataset, whose elements are in other files: read them with --virtual, or take"))
  }

  /// What each rank holds, the rule, and the whole.
  private static let cases: [([[Float]], String, [Float])] = [
    // q of 4, and k of 1 that both hold.
    (
      [[1, 2, 9], [3, 4, 9]], #""tp": {"shard": 1, "parts": [4, {"width": 1, "replicas": 2}]}"#,
      [1, 2, 3, 4, 9]
    ),
    (
      [[1, 2, 7, 8], [3, 4, 5, 6]], #""tp": {"shard": 1, "order": "zigzag"}"#,
      [1, 2, 3, 4, 5, 6, 7, 8]
    ),
    ([[1, 2], [3, 0]], #""tp": {"shard": 1, "width": 3, "padding": 1}"#, [1, 2, 3]),
    ([[1, 3], [4, 2]], #""tp": {"shard": 1, "indices": [[0, 2], [3, 1]]}"#, [1, 2, 3, 4]),
    ([[5, 6], [5, 6]], #""tp": "replicate""#, [5, 6]),
    ([[5, 6], []], #""tp": "stage""#, [5, 6]),
    ([[5, 6], [1, 1]], #""tp": "partial""#, [6, 7]),
  ]

  @Test(arguments: cases)
  func everyPlacementIsReadBack(
    _ pieces: [[Float]], _ rule: String, _ whole: [Float]
  ) throws {
    try write(
      pieces.map { $0.isEmpty ? nil : Piece(values: $0, shape: [1, $0.count]) }, rule)
    let found = try read()
    #expect(found.shape.dimensions == [1, whole.count] && found.float32Values() == whole)
  }

  /// The slower axis cuts rows, in zigzag order, the faster one what is left of them, and then columns.
  @Test func nestedShardsAreReadBack() throws {
    let mesh = #"[{"cp": 2}, {"tp": 2}]"#
    func rows(_ numbers: [Float]) -> Piece { Piece(values: numbers, shape: [2, 1]) }
    try write(
      [rows([0, 1]), rows([6, 7]), rows([2, 3]), rows([4, 5])],
      #""cp": {"shard": 0, "order": "zigzag"}, "tp": {"shard": 0}"#, mesh: mesh)
    #expect(try read().float32Values() == [0, 1, 2, 3, 4, 5, 6, 7])
    try FileManager.default.removeItem(atPath: path)
    try write(
      [rows([0, 4]), rows([1, 5]), rows([8, 12]), rows([9, 13])],
      #""cp": {"shard": 0}, "tp": {"shard": 1}"#, mesh: mesh)
    let whole = try read()
    #expect(whole.shape.dimensions == [4, 2])
    #expect(whole.float32Values() == [0, 1, 4, 5, 8, 9, 12, 13])
  }

  @Test func theFolderCanBeMoved() throws {
    try write(Self.halves, Self.columns)
    let other = try TemporaryDirectory()
    try FileManager.default.moveItem(atPath: root.path, toPath: other.path + "/moved")
    #expect(try read(other.path + "/moved/one.h5").float32Values() == [1, 2, 3, 5, 6, 7])
    try FileManager.default.moveItem(atPath: other.path + "/moved", toPath: root.path)
  }

  /// libhdf5 itself gives zeros for what is missing.
  @Test func aSourceThatIsMissingOrAnotherIsAnError() throws {
    try write(Self.halves, Self.columns)
    let rank = root.path + "/ranks/run.rank1.h5"
    let placements = #"{"mesh": [{"tp": 2}], "rules": [{"module": ".*", "tp": {"shard": 1}}]}"#
    try FileManager.default.removeItem(atPath: rank)
    #expect(reason { try read() }.contains("its source \(rank) is missing"))
    // Wider, so that what was there is there, and more.
    try writeRank(1, Piece(values: [3, 4, 7, 8], shape: [2, 2]), of: 2, placements)
    #expect(
      reason { try read() }.contains(
        "/step_0/a%2Fb%25/call_0/cpu/outputs of ranks/run.rank1.h5 is not the float32 [2, 1] that"))
    try FileManager.default.removeItem(atPath: rank)
    try writeRank(1, nil, of: 2, placements)
    #expect(reason { try read() }.contains("of ranks/run.rank1.h5 cannot be read"))
    try FileManager.default.removeItem(atPath: rank)
    try root.file("ranks/run.rank1.h5", "text")
    #expect(reason { try read() }.contains("run.rank1.h5 cannot be read"))
    // A file of the same name elsewhere, by a link.
    let other = try TemporaryDirectory()
    try FileManager.default.removeItem(atPath: rank)
    try writeRank(1, Self.halves[1], of: 2, placements)
    #expect(try read().float32Values() == [1, 2, 3, 5, 6, 7])
    try FileManager.default.moveItem(atPath: rank, toPath: other.path + "/run.rank1.h5")
    try FileManager.default.createSymbolicLink(
      atPath: rank, withDestinationPath: other.path + "/run.rank1.h5")
    #expect(reason { try read() }.contains("leads out of the folder"))
  }

  @Test func ranksThatAreElsewhereOrNoHDF5AreRefused() throws {
    try write(Self.halves, Self.columns)
    let group = try #require(openRun(at: root.path + "/ranks") as? RankGroup)
    let deeper = root.path + "/deeper"
    try FileManager.default.createDirectory(atPath: deeper, withIntermediateDirectories: true)
    #expect(throws: RunError.self) { try VirtualTensors(group, beside: deeper + "/one.h5") }
    let error = #expect(throws: RunError.self) {
      try VirtualTensors(
        #require(openRun(at: SGLangDump.directory + "/ranks/dump_1") as? RankGroup),
        beside: path)
    }
    #expect("\(try #require(error))".contains("only HDF5 files can be referred to"))
  }

  /// A virtual dataset of another writer, whose sources' shapes nothing tells.
  @Test func virtualDatasetsOfOthersAreRefusedWithTheFlagToo() throws {
    let run = try openRun(
      at: HDF5Fixture.path("virtual.h5"), placements: nil, readsVirtual: true)
    let key = try #require(run.steps.first?.calls.first?.tensors.first?.key)
    #expect(reason { try run.tensor(key) }.contains("without the attribute source_shapes"))
  }
}
