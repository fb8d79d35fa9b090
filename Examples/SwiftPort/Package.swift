// swift-tools-version: 6.1
import Foundation
import PackageDescription

// In Assay's own repository it is what lies beside the example; a copy finds it by ASSAY_PATH, or else
// fetches it.
let isInRepository = FileManager.default.fileExists(
  atPath: Context.packageDirectory + "/../../Sources/AssayTesting")
let path = Context.environment["ASSAY_PATH"] ?? (isInRepository ? "../.." : nil)
let dependency: Package.Dependency =
  path.map { .package(name: "assay", path: $0) }
  ?? .package(url: "https://github.com/assay/assay", from: "0.2.0")

let assay = Target.Dependency.product(name: "Assay", package: "assay")
let assayTesting = Target.Dependency.product(name: "AssayTesting", package: "assay")

let package = Package(
  name: "swift-port",
  platforms: [.macOS(.v15)],
  dependencies: [dependency],
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
