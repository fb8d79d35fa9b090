// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "assay",
  platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .visionOS(.v2)],
  products: [
    .library(name: "Assay", targets: ["Assay"]),
    .library(name: "AssayLlama", targets: ["AssayLlama"]),
    .library(name: "AssayTesting", targets: ["AssayTesting"]),
    .executable(name: "assay", targets: ["AssayCLI"]),
    .plugin(name: "AssayCommand", targets: ["AssayCommand"]),
  ],
  traits: [
    .trait(
      name: "SystemLibraries",
      description: """
        Write HDF5 and read it of any origin (libhdf5), unpack archives (libdeflate), hash fast on \
        Linux (libcrypto). Without it, goldens are read and .pt is written, and nothing need be \
        installed.
        """),
    .trait(
      name: "MPI", description: "Let mpirun start several processes of assay compare.",
      enabledTraits: ["SystemLibraries"]),
    .default(enabledTraits: ["SystemLibraries"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .systemLibrary(
      name: "CHDF5", pkgConfig: "hdf5-serial",
      providers: [
        .apt(["libhdf5-dev", "pkg-config"]), .brew(["hdf5", "pkg-config"]),
      ]),
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
    .systemLibrary(
      name: "CDeflate", pkgConfig: "libdeflate",
      providers: [.apt(["libdeflate-dev"]), .brew(["libdeflate"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"]), .brew(["open-mpi"])]),
    .target(name: "CAssayKernels"),
    .target(name: "CAssayChild"),
    .target(name: "CAssayHashes"),

    // What is about no tensor.
    .target(
      name: "AssayBase",
      dependencies: [
        "CAssayHashes",
        .target(
          name: "CCrypto", condition: .when(platforms: [.linux], traits: ["SystemLibraries"])),
      ]),
    .target(name: "AssayTensors", dependencies: ["AssayBase", "CAssayKernels"]),
    .target(
      name: "AssayTorch",
      dependencies: [
        "AssayBase", "AssayTensors", "CAssayHashes",
        .target(name: "CDeflate", condition: .when(traits: ["SystemLibraries"])),
      ]),
    .target(
      name: "AssayHDF5",
      dependencies: [
        "AssayBase", "AssayTensors",
        .target(name: "CAssayChild", condition: .when(traits: ["SystemLibraries"])),
        .target(name: "CHDF5", condition: .when(traits: ["SystemLibraries"])),
      ]),
    .target(
      name: "AssayRuns",
      dependencies: [
        "AssayBase", "AssayTensors", "AssayTorch", "AssayHDF5",
      ]),
    .target(name: "AssayCheckpoints", dependencies: ["AssayBase", "AssayTensors", "AssayRuns"]),
    .target(name: "AssayCapture", dependencies: ["AssayBase", "AssayTensors", "AssayRuns"]),
    .target(
      name: "AssayComparison",
      dependencies: [
        "AssayBase", "AssayTensors", "AssayRuns", "CAssayKernels",
        .product(name: "Yams", package: "Yams"),
      ],
      resources: ["llama", "mixtral", "qwen3", "qwen3-moe"].map {
        .embedInCode("Presets/vllm-\($0).yml")
      }),
    // What the page is made of stays in the binary, which is all that is installed.
    .target(
      name: "AssayReports",
      dependencies: ["AssayBase", "AssayTensors", "AssayRuns", "AssayComparison"],
      resources: ["page.js", "page.css", "growth.html", "explorer.html"].map {
        .embedInCode("HTML/\($0)")
      }),
    .target(
      name: "AssayReplay",
      dependencies: [
        "AssayBase", "AssayTensors", "AssayRuns", "AssayCapture", "AssayComparison",
      ]),
    .target(
      name: "Assay",
      dependencies: [
        "AssayBase", "AssayTensors", "AssayTorch", "AssayRuns", "AssayCheckpoints",
        "AssayCapture", "AssayComparison", "AssayReplay", "AssayReports",
      ]),
    .target(
      name: "AssayLlama",
      dependencies: [
        "AssayBase", "AssayTensors", "AssayRuns", "AssayCheckpoints", "AssayCapture", "COpenBLAS",
      ]),
    // The only one that knows XCTest and Swift Testing.
    .target(name: "AssayTesting", dependencies: ["Assay", "AssayComparison"]),

    .executableTarget(
      name: "AssayCLI",
      dependencies: [
        "AssayBase", "Assay", "AssayLlama", "AssayRuns",
        .target(name: "CMPI", condition: .when(traits: ["MPI"])),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    // Builds the product `assay` when it is called, so that it needs no dependency on it.
    .plugin(
      name: "AssayCommand",
      capability: .command(
        intent: .custom(verb: "assay", description: "Record, compare and approve runs."),
        permissions: [
          .writeToPackageDirectory(reason: "Recordings and goldens are written there.")
        ]),
      path: "Sources/AssayCommand"),

    .testTarget(
      name: "AssayBaseTests", dependencies: ["AssayBase", "CAssayHashes"], exclude: ["Fixtures"]),

    .testTarget(
      name: "AssayTensorsTests", dependencies: ["AssayBase", "AssayTensors"], exclude: ["Fixtures"]),

    .testTarget(
      name: "AssayCheckpointsTests",
      dependencies: ["AssayBase", "AssayTensors", "AssayRuns", "AssayCheckpoints", "AssayLlama"],
      exclude: ["Fixtures"]),

    .testTarget(
      name: "AssayTorchTests", dependencies: ["AssayBase", "AssayTensors", "AssayTorch"],
      exclude: ["Fixtures"]),

    .testTarget(
      name: "AssayCaptureTests",
      dependencies: ["AssayBase", "AssayTensors", "AssayRuns", "AssayCapture"]),

    .testTarget(
      name: "AssayHDF5Tests", dependencies: ["AssayBase", "AssayTensors", "AssayHDF5"]),

    .testTarget(
      name: "AssayReportsTests",
      dependencies: [
        "AssayBase", "AssayTensors", "AssayRuns", "AssayRunsSupport", "AssayComparison",
        "AssayReports",
      ],
      exclude: ["Fixtures"]),

    .target(
      name: "AssayRunsSupport", dependencies: ["AssayBase", "AssayTensors", "AssayRuns"],
      path: "Tests/AssayRunsSupport"),

    .testTarget(
      name: "AssayRunsTests",
      dependencies: [
        "AssayBase", "AssayTensors", "AssayTorch", "AssayHDF5", "AssayRuns", "AssayRunsSupport",
      ],
      exclude: ["Fixtures"]),

    .testTarget(
      name: "AssayLlamaTests",
      dependencies: [
        "AssayBase", "AssayTensors", "AssayTorch", "AssayRuns", "AssayCheckpoints", "AssayCapture",
        "AssayLlama",
      ],
      exclude: ["Fixtures"]),

    .testTarget(
      name: "AssayComparisonTests",
      dependencies: [
        "AssayBase", "AssayTensors", "AssayRuns", "AssayRunsSupport", "AssayComparison",
        "CAssayKernels",
      ],
      exclude: ["Fixtures"]),

    .testTarget(
      name: "AssayReplayTests",
      dependencies: [
        "AssayBase", "AssayTensors", "AssayRuns", "AssayRunsSupport", "AssayCapture",
        "AssayComparison", "AssayReplay", "AssayLlama",
      ]),

    .testTarget(name: "AssayTests", dependencies: ["Assay", "AssayRunsSupport"]),

    .target(
      name: "AssayTestingSupport", dependencies: ["Assay", "AssayTesting"],
      path: "Tests/AssayTestingSupport"),

    .testTarget(
      name: "AssayTestingTests",
      dependencies: ["Assay", "AssayLlama", "AssayTesting", "AssayTestingSupport"]),

    .testTarget(
      name: "AssayTestingXCTests", dependencies: ["Assay", "AssayTesting", "AssayTestingSupport"]),

    // Runs the built binary, which the package manager puts beside the tests.
    .testTarget(
      name: "AssayCLITests",
      dependencies: ["AssayCLI", "AssayTensors", "AssayRuns", "AssayRunsSupport"]),
  ]
)

// Made with sanitizers by Tests/Fuzz/run.py only.
if Context.environment["ASSAY_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "AssayFuzz",
      dependencies: [
        "AssayBase", "AssayTensors", "AssayTorch", "AssayHDF5", "AssayRuns",
        "AssayCheckpoints", "AssayCapture", "AssayLlama", "AssayComparison", "AssayReports",
        "CAssayHashes",
      ],
      path: "Tests/Fuzz", exclude: ["Seeds", "run.py", "seeds.py"],
      // gold fails with libFuzzer, which is C++.
      linkerSettings: [.linkedLibrary("stdc++"), .unsafeFlags(["-use-ld=lld"])]))
}

// For documentation only (make docs): whoever depends on Assay need not fetch it.
if Context.environment["ASSAY_DOCS"] != nil {
  package.dependencies.append(
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}

for target in package.targets
where ![.system, .plugin].contains(target.type) && !target.name.hasPrefix("CAssay") {
  target.swiftSettings =
    (target.swiftSettings ?? []) + [
      .swiftLanguageMode(.v6),
      .enableUpcomingFeature("InternalImportsByDefault"),
      .enableUpcomingFeature("MemberImportVisibility"),
      .enableUpcomingFeature("ExistentialAny"),
    ]
}
