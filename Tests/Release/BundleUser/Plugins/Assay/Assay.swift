import Foundation
import PackagePlugin

@main
struct Assay: CommandPlugin {
  func performCommand(context: PluginContext, arguments: [String]) throws {
    let process = Process()
    process.executableURL = try context.tool(named: "assay").url
    process.arguments = arguments
    try process.run()
    process.waitUntilExit()
    exit(process.terminationStatus)
  }
}
