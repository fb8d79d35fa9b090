// swift-tools-version: 6.1
import PackageDescription

// A package that has the program from an artifact bundle, which Tests/Release/run.sh puts here.
let package = Package(
  name: "bundle-user",
  targets: [
    .binaryTarget(name: "assay", path: "assay.artifactbundle.zip"),
    .plugin(
      name: "Assay",
      capability: .command(intent: .custom(verb: "bundled", description: "Runs the program.")),
      dependencies: ["assay"]),
  ]
)
