// swift-tools-version: 6.1
import PackageDescription

// Every test of this package must fail: run.sh checks that each does.
let package = Package(
  name: "failure-matrix",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "assay", path: "../..")],
  targets: [
    .target(name: "Scaling", dependencies: [.product(name: "Assay", package: "assay")]),
    .testTarget(
      name: "SwiftTestingCases",
      dependencies: ["Scaling", .product(name: "AssayTesting", package: "assay")]),
    .testTarget(
      name: "XCTestCases",
      dependencies: ["Scaling", .product(name: "AssayTesting", package: "assay")]),
  ],
  swiftLanguageModes: [.v6]
)
