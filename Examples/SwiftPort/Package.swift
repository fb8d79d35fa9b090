// swift-tools-version: 6.1
import PackageDescription

let assay = Target.Dependency.product(name: "Assay", package: "assay")
let assayTesting = Target.Dependency.product(name: "AssayTesting", package: "assay")

let package = Package(
  name: "swift-port",
  platforms: [.macOS(.v15)],
  // A copy of this folder says where Assay lies, by ASSAY_PATH or here.
  dependencies: [.package(name: "assay", path: Context.environment["ASSAY_PATH"] ?? "../..")],
  targets: [
    .target(name: "NDArrays"),
    .target(name: "DigitReader", dependencies: ["NDArrays", assay]),
    .target(name: "PlantedBugs", dependencies: ["DigitReader"], path: "Tests/PlantedBugs"),
    .testTarget(
      name: "DigitReaderTests", dependencies: ["DigitReader", "PlantedBugs", assayTesting]),
    .testTarget(
      name: "DigitReaderXCTests", dependencies: ["DigitReader", "PlantedBugs", assayTesting]),
  ],
  swiftLanguageModes: [.v6]
)
