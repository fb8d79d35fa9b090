// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "assay", path: "..")],
  targets: [
    .executableTarget(
      name: "AssayBench", dependencies: [.product(name: "Assay", package: "assay")],
      swiftSettings: [.swiftLanguageMode(.v6)])
  ]
)
