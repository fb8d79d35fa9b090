import Foundation
import Testing

/// `assay calibrate`, and `assay lint-tolerances` on what it wrote.
@Suite struct CalibrateTests {
  private static let kernels = [CompareTests.golden, "Golden/tiny-llama/float32-math.h5"]

  @Test func rulesFromTwoKernelsPassThemAndCatchEveryBug() throws {
    let folder = try TemporaryFolder()
    let golden = folder.path("golden.h5")
    try FileManager.default.copyItem(
      at: AssayProcess.packageRoot.appending(path: Self.kernels[0]), to: URL(filePath: golden))
    let rules = folder.path("tolerances.yml")
    let calibrated = try AssayProcess.run([
      "calibrate", golden, Self.kernels[1], "--output", rules, "--safety", "8",
    ])
    #expect(calibrated.status == 0, "\(calibrated.stderr)")
    #expect(calibrated.stdout.contains("golden.floor.json"))
    let floor = try #require(
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(filePath: folder.path("golden.floor.json")))) as? [String: Any])
    #expect(floor["schema"] as? String == "assay.floor/1")
    #expect((floor["modules"] as? [Any])?.isEmpty == false)

    let lint = try AssayProcess.run(["lint-tolerances", rules, golden])
    #expect(lint.status == 0, "\(lint.stdout)\(lint.stderr)")
    #expect(lint.stdout.contains("nothing is wrong"))
    for (run, status) in [
      (Self.kernels[1], 0), ("Golden/tiny-llama/bugs/weight-row.h5", 1),
      ("Golden/tiny-llama/bugs/norm-epsilon.h5", 1), ("Golden/tiny-llama/bugs/rope-theta.h5", 1),
    ] {
      let outcome = try AssayProcess.run([
        "compare", "--dir1", run, "--dir2", golden, "--tolerance-file", rules,
      ])
      #expect(outcome.status == status, "\(run)")
    }
  }

  @Test(arguments: ["tolerances.yml", "golden.floor.json"])
  func nothingThatExistsIsReplaced(name: String) throws {
    let folder = try TemporaryFolder()
    let golden = folder.path("golden.h5")
    let file = folder.url.appending(path: name)
    try FileManager.default.copyItem(
      at: AssayProcess.packageRoot.appending(path: Self.kernels[0]), to: URL(filePath: golden))
    try Data("mine".utf8).write(to: file)
    let outcome = try AssayProcess.run([
      "calibrate", golden, Self.kernels[1], "--output", folder.path("tolerances.yml"),
    ])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("\(file.path) exists already"), "\(outcome.stderr)")
    #expect(try Data(contentsOf: file) == Data("mine".utf8))
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(Set(files) == ["golden.h5", name])
  }

  /// The modules of a floor, from calibrating the golden with a run under some options.
  private func floor(_ folder: TemporaryFolder, _ run: String, _ options: String...) throws
    -> Set<String>
  {
    let golden = folder.path("golden.h5")
    try? FileManager.default.copyItem(
      at: AssayProcess.packageRoot.appending(path: Self.kernels[0]), to: URL(filePath: golden))
    let (rules, floor) = (folder.path("rules.yml"), folder.path("golden.floor.json"))
    for file in [rules, floor] { try? FileManager.default.removeItem(atPath: file) }
    let outcome = try AssayProcess.run(["calibrate", golden, run, "--output", rules] + options)
    try #require(outcome.status == 0, "\(outcome.stderr)")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: floor)))
        as? [String: Any])
    let modules = try #require(object["modules"] as? [[String: Any]])
    return Set(modules.compactMap { $0["module"] as? String })
  }

  @Test func modulesSelectWhatIsMeasured() throws {
    let folder = try TemporaryFolder()
    let all = try floor(folder, Self.kernels[1])
    let norms = try floor(folder, Self.kernels[1], "--modules", "norm$")
    #expect(!norms.isEmpty && norms.isStrictSubset(of: all))
    #expect(norms.allSatisfy { $0.hasSuffix("norm") }, "\(norms)")
  }

  /// The run of the other kernel under another name, which is all that `old` is in its index.
  private func renamed(_ folder: TemporaryFolder, _ old: String, _ new: String) throws -> String {
    let run = folder.path("renamed")
    let converted = try AssayProcess.run(["convert", Self.kernels[1], run])
    try #require(converted.status == 0, "\(converted.stderr)")
    let index = URL(filePath: run + "/run.json")
    let text = try String(contentsOf: index, encoding: .utf8)
    try #require(text.contains(old))
    try Data(text.replacing(old, with: new).utf8).write(to: index)
    return run
  }

  @Test func aMappingPairsOtherNames() throws {
    let folder = try TemporaryFolder()
    let run = try renamed(folder, #""module":"model.norm""#, #""module":"final""#)
    let mapping = folder.path("mapping.yml")
    try Data("rules:\n- {actual: final, expected: model.norm}\n".utf8)
      .write(to: URL(filePath: mapping))
    let mapped = try floor(folder, run, "--mapping", mapping)
    #expect(try mapped == floor(folder, Self.kernels[1]))
    let rules = folder.path("other.yml")
    try FileManager.default.removeItem(atPath: folder.path("golden.floor.json"))
    let outcome = try AssayProcess.run(["calibrate", folder.path("golden.h5"), run, "-o", rules])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("no call of final; a mapping "), "\(outcome.stderr)")
    #expect(!FileManager.default.fileExists(atPath: rules))
  }

  @Test func aDeviceMapPairsOtherDevices() throws {
    let folder = try TemporaryFolder()
    let run = try renamed(folder, #""device":"cpu""#, #""device":"cuda:0""#)
    let mapped = try floor(folder, run, "--device-map", "cuda:0=cpu")
    #expect(try mapped == floor(folder, Self.kernels[1]))
    try FileManager.default.removeItem(atPath: folder.path("golden.floor.json"))
    let outcome = try AssayProcess.run([
      "calibrate", folder.path("golden.h5"), run, "-o", folder.path("other.yml"),
    ])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("on cpu: only the expected run"), "\(outcome.stderr)")
  }

  @Test func lintNamesWhatIsWrong() throws {
    let folder = try TemporaryFolder()
    let rules = folder.path("rules.yml")
    try Data("rules: [{module: norm, rtol: 0, atol: 1e-12}, {module: '.*', rtol: 2, atol: 1}]".utf8)
      .write(to: URL(filePath: rules))
    let outcome = try AssayProcess.run(["lint-tolerances", rules, CompareTests.golden])
    #expect(outcome.status == 1)
    #expect(outcome.stdout.contains("fault: rule 1, norm: tighter than one unit in the last place"))
    #expect(outcome.stdout.contains("fault: rule 2, .*: passes"))
    let json = try AssayProcess.run(
      ["lint-tolerances", rules, CompareTests.golden, "--format", "json"])
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(json.stdout.utf8)) as? [String: Any])
    let findings = try #require(object["findings"] as? [[String: Any]])
    #expect(findings.contains { $0["kind"] as? String == "tighter_than_one_ulp" })
  }

  @Test(arguments: [
    ["calibrate", CompareTests.golden, "--output", "x.yml"],
    ["calibrate", CompareTests.golden, CompareTests.golden],
    ["calibrate", CompareTests.golden, "no/such.h5", "--output", "x.yml"],
    ["calibrate", CompareTests.golden, CompareTests.golden, "--output", "x.yml", "--safety", "0"],
    ["lint-tolerances", "no/such.yml", CompareTests.golden], ["lint-tolerances", "README.md"],
  ])
  func badUsageLeavesWithStatus2(arguments: [String]) throws {
    let outcome = try AssayProcess.run(arguments)
    #expect(outcome.status == 2)
    #expect(!outcome.stderr.isEmpty)
  }
}
