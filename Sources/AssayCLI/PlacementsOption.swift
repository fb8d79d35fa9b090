import ArgumentParser
import Assay
import AssayRuns

/// How the tensors of a group's ranks make whole ones.
struct PlacementsOption: ParsableArguments {
  @Option(
    name: .customLong("placements"),
    help: ArgumentHelp(
      """
      How the tensors of the ranks make whole ones, instead of what the runs of the ranks say: a \
      placements file.
      """, valueName: "file"))
  var path: String?

  /// Reads the file, if there is one.
  func read() throws -> Placements? { try path.map { try Placements(contentsOfFile: $0) } }

  /// Refuses a file that is for none of the runs.
  func check(_ placements: Placements?, areFor runs: [any RunReader]) throws {
    guard let placements else { return }
    let groups = runs.compactMap { $0 as? RankGroup }
    guard
      !groups.contains(where: { $0.placements?.mesh.ranks.count == placements.mesh.ranks.count })
    else { return }
    throw CommandError.idlePlacements(
      path: placements.source, ranks: placements.mesh.ranks.count,
      groups: groups.map { CommandError.RankCount(path: $0.path, ranks: $0.ranks.count) })
  }
}
