// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "assay", path: "..")],
  targets: ["AssayBench", "MakeRun", "OpenBench", "ProbeBench", "RecordBench"].map {
    .executableTarget(
      name: $0, dependencies: [.product(name: "Assay", package: "assay")],
      swiftSettings: [.swiftLanguageMode(.v6)])
  }
)
