import AssayRuns
import AssayTensors
import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Names in a plain dump that must not make a part of it go unnoticed.
@Suite struct HostileNamesTests {
  private func refusal(of directory: TemporaryDirectory) throws -> String {
    do {
      _ = try DirectoryRunReader(path: directory.path)
      return "none"
    } catch RunError.damaged(let path, let reason) {
      #expect(path.hasPrefix(directory.path))
      return reason
    }
  }

  #if os(Linux)
  @Test func aNameThatIsNotUTF8IsRefused() throws {
    let directory = try TemporaryDirectory()
    try directory.directory("step_0/a")
    let name = (directory.path + "/step_0/b").utf8.map(CChar.init(bitPattern:)) + [-1, 0]
    #expect(mkdir(name, 0o755) == 0)
    #expect(try refusal(of: directory).contains("is not UTF-8"))
  }

  @Test func twoSpellingsOfANameAreTwoModules() throws {
    let directory = try TemporaryDirectory()
    try directory.file("step_0/\u{E9}/outputs_cpu.pt")
    try directory.file("step_0/e\u{301}/outputs_cpu.pt")
    try directory.file("step_0/module_calls.txt", "e\u{301}\n\u{E9}\ne\u{301}\n")
    let calls = try DirectoryRunReader(path: directory.path).steps[0].calls
    #expect(calls.map(\.call.module.utf8.count) == [3, 2])
    #expect(Set(calls.flatMap(\.tensors).map(\.key)).count == 2)
  }
  #endif

  @Test func twoNamesOfACallAreRefused() throws {
    let directory = try TemporaryDirectory()
    try directory.file("step_0/a/outputs_cpu.pt")
    try directory.file("step_0/%61/outputs_cpu.pt")
    #expect(try refusal(of: directory).contains("same call of a module"))
  }

  @Test(arguments: ["step_1", "step_0/a"]) func aFileInThePlaceOfADirectoryIsRefused(
    name: String
  ) throws {
    let directory = try TemporaryDirectory()
    try directory.file("step_0/module_calls.txt", "a\nb\n")
    try directory.file(name)
    #expect(try refusal(of: directory).contains("no directory"))
  }

  @Test func aLoopInThePlaceOfADirectoryIsRefused() throws {
    let directory = try TemporaryDirectory()
    try directory.directory("step_0/a")
    #expect(symlink("step_1", directory.path + "/step_1") == 0)
    #expect(try refusal(of: directory).contains("no directory"))
  }

  @Test func endlessCallListsAreRefused() throws {
    let directory = try TemporaryDirectory()
    try directory.directory("step_0/a")
    try directory.file("step_0/module_calls.txt", String(repeating: ".a", count: 200))
    #expect(try refusal(of: directory).contains("255 bytes"))
    let lines = (0...1 << 18).map { "\($0)\n" }.joined()
    try directory.file("step_0/module_calls.txt", lines)
    #expect(try refusal(of: directory).contains("262144 calls"))
  }
}
