// swift-tools-version: 6.1
import PackageDescription

// Copy the file of your framework out of Sources/Adapters; the package is here to compile them all.
// MLX_SWIFT names a checkout of mlx-swift, whose MLX then takes the place of the stand-in. On Apple's
// systems Core ML is the system's own.
let mlx = Context.environment["MLX_SWIFT"]
var dependencies: [Package.Dependency] = [.package(name: "assay", path: "../..")]
var frameworks: [Target.Dependency] = ["OnnxRuntimeBindings"]
var targets: [Target] = [
  .target(name: "OnnxRuntimeBindings", path: "Tests/Stubs/OnnxRuntimeBindings")
]
if let mlx {
  dependencies.append(.package(name: "mlx-swift", path: mlx))
  frameworks.append(.product(name: "MLX", package: "mlx-swift"))
} else {
  frameworks.append("MLX")
  targets.append(.target(name: "MLX", path: "Tests/Stubs/MLX"))
}
#if os(Linux)
  frameworks.append("CoreML")
  targets.append(.target(name: "CoreML", path: "Tests/Stubs/CoreML"))
#endif

let assay = Target.Dependency.product(name: "Assay", package: "assay")

let package = Package(
  name: "adapters",
  platforms: [.macOS(.v15)],
  dependencies: dependencies,
  targets: targets + [
    .target(name: "Adapters", dependencies: [assay] + frameworks),
    .testTarget(name: "AdapterTests", dependencies: ["Adapters", assay] + frameworks),
  ],
  swiftLanguageModes: [.v6]
)
