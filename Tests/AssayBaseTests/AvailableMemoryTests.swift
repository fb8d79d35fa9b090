import Testing

@testable import AssayBase

@Suite struct AvailableMemoryTests {
  /// The lines of /proc/self/cgroup under either version of control groups, and both at once.
  @Test(arguments: [
    ("0::/user.slice/user-0.slice\n", ["/user.slice/user-0.slice"]),
    ("5:devices:/\n4:cpu,memory:/box/1:2\n0::/\n", ["memory/box/1:2", "/"]),
    ("1:name=systemd:/\n", []), ("", []), ("4:memory\n", []),
  ])
  func controlGroupsThatCountMemoryAreFound(text: String, found: [String]) {
    #expect(AvailableMemory.controlGroups(in: text).map { String($0.tree + $0.path) } == found)
  }

  @Test func thisMachineHasMemoryLeft() throws {
    #expect(try #require(AvailableMemory.byteCount) > 1 << 20)
  }
}
