import Testing

@testable import AssayTesting

@Suite struct TestSiteTests {
  private func site(_ function: StaticString) -> TestSite {
    TestSite(fileID: "A/B.swift", filePath: "/A/B.swift", line: 7, column: 1, function: function)
  }

  @Test(
    arguments: [
      ("prefill()", "prefill"), ("prefill(_:dtype:)", "prefill"), ("prefill", "prefill"),
      ("`does it (really) work?`(_:)", "`does it (really) work?`"),
    ])
  func aNameIsWithoutArguments(_ name: String, _ result: String) {
    #expect(TestSite.withoutArguments(name) == result)
  }

  @Test(
    arguments: [
      ("A.B/prefill", #"'A.B/prefill\b'"#),
      ("A.`it's (ok)`", #"'A.`it'\''s \(ok\)`'"#),
    ])
  func aFilterIsQuoted(_ name: String, _ result: String) {
    #expect(TestSite.filter(name) == result)
  }

  @Test func theRunningTestIsKnownBetterThanTheFunction() async {
    let site = site("testA()")
    let name = "theRunningTestIsKnownBetterThanTheFunction"
    #expect(site.testName == "AssayTestingTests.TestSiteTests/" + name)
    #expect(site.fileName == name)
    let detached = await Task.detached { [site.testName, site.fileName] }.value
    #expect(detached == ["testA", "testA"])
  }

  @Test func aFunctionThatCannotNameAFileIsNamedByItsLine() async {
    let site = site("`a / b`()")
    #expect(await Task.detached { site.fileName }.value == "line-7")
  }
}
