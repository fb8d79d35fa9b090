import ArgumentParser
import Assay
import Foundation

struct MappingsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mappings",
    abstract: "List the mappings that come with assay, or print one.",
    discussion: """
      Without a name it lists what --mapping takes besides a file. With one it prints the rules, to be \
      read, or kept in a file and changed.
      """)

  @Argument(help: "The mapping to print.")
  var name: String?

  func run() throws {
    guard let name else {
      let width = MappingPreset.all.map(\.name.count).max() ?? 0
      for preset in MappingPreset.all {
        let name = preset.name.padding(toLength: width, withPad: " ", startingAt: 0)
        try Console.print("\(name)  \(preset.summary)")
      }
      return
    }
    try Console.write(Data(MappingPreset(named: name).text.utf8))
  }
}
