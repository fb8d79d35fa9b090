import Foundation
import PackagePlugin

/// `swift package assay …`: builds the command line tool, and runs it in the package's directory.
///
/// The tool is built when it is called, so that packages whose tests use Assay never build it otherwise.
@main
struct AssayCommand: CommandPlugin {
  func performCommand(context: PluginContext, arguments: [String]) throws {
    let build = try packageManager.build(
      .product("assay"), parameters: .init(configuration: .inherit))
    guard build.succeeded, let tool = build.builtArtifacts.first(where: { $0.kind == .executable })
    else {
      Diagnostics.error("assay was not built:\n\(build.logText)")
      return
    }
    let process = Process()
    process.executableURL = tool.url
    process.arguments = arguments
    process.currentDirectoryURL = context.package.directoryURL
    try process.run()
    process.waitUntilExit()
    exit(process.terminationStatus)
  }
}
