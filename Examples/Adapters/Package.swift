// swift-tools-version: 6.1
import PackageDescription

// Copy the file of your framework out of Sources/Adapters; the package is here to compile and test them
// all. Where a framework is not there, a stand-in is: Core ML is the system's own on Apple's systems, and
// MLX_SWIFT names a checkout of mlx-swift.
let mlx = Context.environment["MLX_SWIFT"]
var dependencies: [Package.Dependency] = [
  .package(name: "assay", path: "../.."), .package(name: "stubs", path: "Tests/Stubs"),
]
var frameworks: [Target.Dependency] = [
  .product(name: "OnnxRuntimeBindings", package: "stubs")
]
if let mlx {
  dependencies.append(.package(name: "mlx-swift", path: mlx))
  frameworks.append(.product(name: "MLX", package: "mlx-swift"))
} else {
  frameworks.append(.product(name: "MLX", package: "stubs"))
}
#if os(Linux)
  frameworks.append(.product(name: "CoreML", package: "stubs"))
#endif

// What only the real one does.
let defines: [SwiftSetting] = mlx == nil ? [] : [.define("REAL_MLX")]
let assay = Target.Dependency.product(name: "Assay", package: "assay")

let package = Package(
  name: "adapters",
  platforms: [.macOS(.v15)],
  dependencies: dependencies,
  targets: [
    .target(name: "Adapters", dependencies: [assay] + frameworks),
    .testTarget(
      name: "AdapterTests", dependencies: ["Adapters", assay] + frameworks, swiftSettings: defines),
  ],
  swiftLanguageModes: [.v6]
)
