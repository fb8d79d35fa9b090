// swift-tools-version: 6.1
import PackageDescription

// A package of its own, as the frameworks are: conformances of their types are retroactive.
var names = ["OnnxRuntimeBindings"]
if Context.environment["MLX_SWIFT"] == nil { names.append("MLX") }
#if os(Linux)
  names.append("CoreML")
#endif

let package = Package(
  name: "stubs",
  platforms: [.macOS(.v15)],
  products: names.map { .library(name: $0, targets: [$0]) },
  targets: names.map { .target(name: $0) }
)
