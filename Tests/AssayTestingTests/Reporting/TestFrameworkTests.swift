import Testing

@testable import AssayTesting

@Suite struct TestFrameworkTests {
  @Test func aTestKnowsItsFramework() async {
    #expect(TestFramework.current == .swiftTesting)
    let detached = await Task.detached { TestFramework.current }.value
    #expect(detached == .swiftTesting)
  }

  @Test(
    arguments: [
      (["/b/PortPackageTests.xctest"], TestFramework.xctest),
      (["/b/PortPackageTests.xctest", "PortTests.A/testB"], .xctest),
      (["/b/PortPackageTests.xctest", "--testing-library", "swift-testing"], .swiftTesting),
      (["/b/PortPackageTests.xctest", "--testing-library=swift-testing"], .swiftTesting),
      (["/b/PortPackageTests.xctest", "--testing-library", "xctest"], .xctest),
      (["/b/Port-test-runner"], .xctest),
      (["/b/Port-test-runner", "--testing-library", "swift-testing"], .swiftTesting),
      (["/x/swiftpm-testing-helper"], .swiftTesting), (["/b/port"], nil), ([], nil),
      (["/b/port", "--testing-library"], nil),
    ])
  func aProcessIsKnownByItsArguments(_ arguments: [String], _ framework: TestFramework?) {
    #expect(TestFramework(arguments: arguments) == framework)
  }
}
