import Assay
import AssayTestingSupport
import Foundation
import Testing

@testable import AssayTesting

@Suite struct GoldenLocationTests {
  private let nothing = TestEnvironment(variables: [:])

  @Test func thePackageIsTheNearestFolderAbove() throws {
    let playground = try Playground()
    let inner = playground.path + "/inner"
    for folder in ["/Tests/DeepTests", "/inner/Tests"] {
      try FileManager.default.createDirectory(
        atPath: playground.path + folder, withIntermediateDirectories: true)
    }
    for package in [playground.path, inner] {
      try Data().write(to: URL(filePath: package + "/Package.swift"))
    }
    let file = playground.path + "/Tests/DeepTests/Deep.swift"
    let outside = try GoldenLocation(file: file, environment: nothing)
    #expect(outside.goldens == playground.path + "/Golden")
    #expect(outside.artifacts == playground.path + "/.build/assay")
    let inside = try GoldenLocation(file: inner + "/Tests/A.swift", environment: nothing)
    #expect(try inside.file(of: try GoldenName("a/b")).path == inner + "/Golden/a/b.h5")
  }

  @Test func theEnvironmentNamesOtherFolders() throws {
    let environment = TestEnvironment(
      variables: ["ASSAY_GOLDEN_DIR": "/g", "ASSAY_ARTIFACTS": "/r"])
    let location = try GoldenLocation(file: "/nowhere/Tests/A.swift", environment: environment)
    #expect(try location.file(of: try GoldenName("a/b")).path == "/g/a/b.h5")
    #expect(location.artifacts == "/r")
  }

  @Test func resourcesAreTakenWhereNoPackageIs() throws {
    let resources = URL(filePath: "/bundle/Golden")
    try withAssay(goldens: resources) {
      let device = try GoldenLocation(file: "/nowhere/Tests/A.swift", environment: nothing)
      #expect(try device.file(of: try GoldenName("a/b")).path == "/bundle/Golden/a/b.h5")
      #expect(device.artifacts.hasPrefix(FileManager.default.temporaryDirectory.path))
      let given = TestEnvironment(variables: ["ASSAY_GOLDEN_DIR": "/g"])
      #expect(try GoldenLocation(file: "/nowhere/A.swift", environment: given).goldens == "/g")
      let checkout = try GoldenLocation(file: #filePath, environment: nothing)
      #expect(checkout.goldens.hasSuffix("/Golden") && checkout.goldens != resources.path)
    }
  }

  @Test func aFileOutsideOfAPackageIsAnError() {
    let error = #expect(throws: ReplayTestError.noPackage(file: "/nowhere/A.swift")) {
      try GoldenLocation(file: "/nowhere/A.swift", environment: nothing)
    }
    #expect(error?.description.contains("ASSAY_GOLDEN_DIR") == true)
  }

  @Test func onlyRulesBesideTheGoldenHold() throws {
    let playground = try Playground()
    let location = try GoldenLocation(
      file: #filePath, environment: playground.environment([:]))
    try FileManager.default.createDirectory(
      atPath: playground.goldens + "/a", withIntermediateDirectories: true)
    let rules = playground.goldens + "/a/tolerances.yml"
    try Data().write(to: URL(filePath: rules))
    #expect(location.tolerances(for: try GoldenName("a/b")) == rules)
    #expect(location.tolerances(for: try GoldenName("b")) == nil)
    #expect(location.tolerances(for: try GoldenName("a/c/b")) == nil)
  }

  @Test func aFixtureIsTheGoldenWhereNothingElseIs() throws {
    let playground = try Playground()
    let location = try GoldenLocation(
      file: #filePath, environment: playground.environment([:]))
    let name = try GoldenName("a/b")
    let folder = playground.goldens + "/a"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let npz = folder + "/b.npz"
    try Data("x".utf8).write(to: URL(filePath: npz))
    #expect(try location.file(of: name).path == npz)
    #expect(location.names(near: try GoldenName("a/c")) == ["a/b"])
    let safetensors = folder + "/b.safetensors"
    try Data("x".utf8).write(to: URL(filePath: safetensors))
    #expect(throws: ReplayError.severalGoldens(paths: [safetensors, npz])) {
      try location.file(of: name)
    }
    try FileManager.default.removeItem(atPath: npz)
    #expect(try location.file(of: name).path == safetensors)
    let recorded = folder + "/b.h5"
    try Data("x".utf8).write(to: URL(filePath: recorded))
    #expect(throws: ReplayError.severalGoldens(paths: [recorded, safetensors])) {
      try location.file(of: name)
    }
  }
}
