import AssayBase
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// What SGLang's own dumper wrote of several ranks, each of which got its part of a whole tensor.
@Suite struct SGLangRanksTests {
  private static let folder = SGLangDump.directory + "/ranks"

  private static func group(_ dump: String, placements: Placements? = nil) throws -> RankGroup {
    let run = try openRun(at: folder + "/" + dump, placements: placements)
    return try #require(run as? RankGroup)
  }

  private static func wholes(_ dump: String) throws -> [String: SGLangDump.Values] {
    let all = try JSONDecoder().decode(
      [String: [String: SGLangDump.Values]].self,
      from: Data(contentsOf: URL(filePath: folder + "/expected.json")))
    return try #require(all[dump])
  }

  private static func reason(_ run: any RunReader, _ name: String) -> String {
    do {
      _ = try run.values(0, name, "outputs")
      return "nothing was wrong"
    } catch {
      return "\(error)"
    }
  }

  @Test func tensorsAreJoinedAsTheirDimsSay() throws {
    let group = try Self.group("dump_1")
    #expect(group.ranks.count == 4 && group.manifest.id == "dump_1")
    #expect(group.placements?.mesh.text == "attn_dp 2, attn_tp 2")
    let wholes = try Self.wholes("dump_1")
    #expect(
      Set(wholes.keys) == [
        "requests", "lone", "fused", "summed", "same", "experts", "squeezed", "half",
      ])
    for (name, whole) in wholes { try expectSame(group.values(0, name, "outputs"), whole) }
  }

  /// Rank 1 is the next along tp, 2 along cp and 4 along pp.
  @Test func contextAndPipelineParallelRanksAreJoined() throws {
    let group = try Self.group("dump_2")
    #expect(group.placements?.mesh.text == "pp 2, cp 2, tp 2")
    for (name, whole) in try Self.wholes("dump_2") {
      try expectSame(group.values(0, name, "outputs"), whole)
    }
    #expect(
      Self.reason(group, "swapped").contains(
        #"its dims "s[sp,cp] b h": cp cuts s within what tp has cut, and is the slower axis of pp 2"#
      ))
  }

  @Test func whatIsNotUnderstoodIsNamedWithItsText() throws {
    let group = try Self.group("dump_1")
    for (name, expected) in [
      ("silent", "no rule of SGLang's dims in \(Self.folder)/dump_1 declares how it lies"),
      ("unknown", #"its dims "t h[xp]": "xp" is none of the axes pp, tp, cp"#),
      ("packed", #"its dims "t[tp:zigzag] h": only s is cut in zigzag order, and by one axis"#),
      ("other_axes", #"its dims "b t h[tp]": they are 3, and the tensor has 2 axes"#),
      (
        "overlapping",
        #"its dims "t[tp] h # moe_ep:replicated": tp and another axis both say how it lies along"#
      ),
      ("left_out", "does not declare how it lies along attn_dp, an axis of 2 ranks"),
    ] {
      #expect(Self.reason(group, name).contains(expected), "\(name)")
      #expect(Self.reason(group, name).contains(name))
    }
  }

  @Test func aPlacementsFileTakesThePlaceOfTheDims() throws {
    let text = #"{"mesh": [{"tp": 4}], "rules": [{"module": "fused", "tp": {"shard": 0}}]}"#
    let placements = try Placements(json: JSONValue(decoding: Data(text.utf8)), source: "a file")
    let group = try Self.group("dump_1", placements: placements)
    #expect(try group.values(0, "fused", "outputs").shape == [12, 2])
    #expect(Self.reason(group, "same").contains("no rule of a file declares"))
  }

  /// A dump of some of the files.
  private func dump(
    _ root: TemporaryDirectory, from dump: String = "dump_1", _ isIncluded: (String) -> Bool
  ) throws -> String {
    let folder = root.path + "/dump_3"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for name in try FileManager.default.contentsOfDirectory(atPath: Self.folder + "/" + dump)
    where isIncluded(name) {
      try FileManager.default.copyItem(
        atPath: Self.folder + "/" + dump + "/" + name, toPath: folder + "/" + name)
    }
    return folder
  }

  @Test func ranksThatAreMissingAreNamed() throws {
    let root = try TemporaryDirectory()
    let folder = try dump(root) { !$0.contains("rank=2") }
    let error = #expect(throws: RunError.self) { try openRun(at: folder) }
    #expect("\(try #require(error))".contains("of 4 ranks 1 is missing: rank 2"))
  }

  @Test func ranksOfTwoRunsAreAnError() throws {
    let root = try TemporaryDirectory()
    _ = try dump(root) { $0.contains("rank=0_") }
    let folder = try dump(root, from: "dump_2") { $0.contains("rank=1_") }
    let error = #expect(throws: RunError.self) { try openRun(at: folder) }
    #expect("\(try #require(error))".contains("is rank 1 of 8, and \(folder) is of 4"))
  }

  @Test func ranksThatDoNotSayWhereTheyAreNeedPlacements() throws {
    let error = #expect(throws: RunError.self) { try Self.group("dump_3") }
    #expect(
      "\(try #require(error))".contains(
        "the axes that the ranks tell (none) do not tell 2 ranks apart"))
    let text = #"{"mesh": [{"tp": 2}], "rules": [{"module": "same", "tp": "replicate"}]}"#
    let placements = try Placements(json: JSONValue(decoding: Data(text.utf8)), source: "a file")
    let group = try Self.group("dump_3", placements: placements)
    #expect(try group.values(0, "same", "outputs").values == [1, 1, 1, 1, 1, 1])
  }

  @Test func dumpsWithoutDimsNeedPlacements() throws {
    let root = try TemporaryDirectory()
    let group = try openRun(at: try dump(root) { $0.contains("name=silent") })
    #expect(group is RankGroup)
    #expect(Self.reason(group, "silent").contains("give --placements FILE"))
  }

  @Test func passesOfSeveralRanksAreAGroup() throws {
    let root = try TemporaryDirectory()
    for rank in 0..<2 {
      try FileManager.default.copyItem(
        atPath: SGLangDump.passes, toPath: root.path + "/TP\(rank)_PP0_Rank\(rank)_pid\(7 + rank)")
    }
    let bare = try openRun(at: root.path)
    #expect(Self.reason(bare, "model.embed_tokens").contains("give --placements FILE"))
    let text = #"{"mesh": [{"tp": 2}], "rules": [{"module": ".*", "tp": "replicate"}]}"#
    let placements = try Placements(json: JSONValue(decoding: Data(text.utf8)), source: "a file")
    let group = try openRun(at: root.path, placements: placements)
    try expectSame(
      group.values(0, "model.embed_tokens", "outputs"), SGLangDump.expected()[0]["embed"])
    #expect(try openRun(at: root.path + "/TP*").path == root.path + "/TP*")
    // Rank 3 of TP1_PP1 says that there are four.
    try FileManager.default.copyItem(
      atPath: SGLangDump.passes, toPath: root.path + "/TP1_PP1_Rank3_pid9")
    let error = #expect(throws: RunError.self) { try openRun(at: root.path) }
    #expect("\(try #require(error))".contains("of 4 ranks 1 is missing: rank 2"))
  }
}
