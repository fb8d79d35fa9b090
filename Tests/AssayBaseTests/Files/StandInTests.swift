import AssayBase
import Foundation
import Testing

@Suite final class StandInTests {
  /// A repository that commands must be told of, since tests run elsewhere.
  private let root: String
  private var golden: String { root + "/Golden/a b.h5" }

  init() throws {
    let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
    root = folder.appending(path: "assay-\(UUID().uuidString)").path
    for name in [".git", "Golden"] {
      try FileManager.default.createDirectory(
        atPath: root + "/" + name, withIntermediateDirectories: true)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  private func text(_ content: String, isText: Bool = false) throws -> String? {
    try Data(content.utf8).write(to: URL(filePath: golden))
    return StandIn(at: golden, isText: isText)?.text
  }

  // As the specification of git-lfs has it.
  private static let lfs = """
    version https://git-lfs.github.com/spec/v1
    oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
    size 12345

    """

  @Test func aPointerIsNamedWithTheCommandThatFetchesIt() throws {
    #expect(
      try text(Self.lfs)
        == "is a git-lfs pointer, not the file itself; fetch it: git -C \(root) lfs pull "
        + "--include='Golden/a b.h5'")
    #expect(
      try text("/annex/objects/SHA256E-s9--4d7a.h5\n")
        == "is a git-annex pointer, not the file itself; fetch it: git -C \(root) annex get "
        + "'Golden/a b.h5'")
  }

  @Test func inTheRepositoryTheCommandNeedsNoFolder() throws {
    let path = "Tests/AssayBaseTests/\(UUID().uuidString).h5"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(Self.lfs.utf8).write(to: URL(filePath: path))
    let standIn = try #require(StandIn(at: path))
    #expect(standIn.text.hasSuffix("fetch it: git lfs pull --include=\(path)"), "\(standIn.text)")
  }

  @Test func aNameThatIsAPatternIsNotPutIntoOne() throws {
    let path = root + "/x[0],*.h5"
    try Data(Self.lfs.utf8).write(to: URL(filePath: path))
    #expect(StandIn(at: path)?.text.hasSuffix("fetch it: git -C \(root) lfs pull") == true)
  }

  @Test(arguments: [
    (".git/annex/objects/zz/SHA256E-s9--4d/SHA256E-s9--4d", "a link into git-annex", "annex get"),
    (".dvc/cache/files/md5/4d/7a", "a link into DVC's cache", "dvc --cd"),
    ("gone", "a link to ../gone, which is not there", ""),
  ])
  func aLinkIntoAnEmptyStoreIsNamed(_ target: String, _ what: String, _ command: String) throws {
    try FileManager.default.createSymbolicLink(
      atPath: golden, withDestinationPath: "../" + target)
    let text = try #require(StandIn(at: golden)?.text)
    #expect(text.hasPrefix("is " + what) && (command.isEmpty || text.contains(command)), "\(text)")
    // Fetched, it is the file.
    let path = root + "/" + target
    try FileManager.default.createDirectory(
      at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data([0x89, 0]).write(to: URL(filePath: path))
    #expect(StandIn(at: golden) == nil)
  }

  @Test func whatDVCTracksIsNamedAlsoByItsFolder() throws {
    let note = URL(filePath: golden + ".dvc")
    try Data("outs:\n".utf8).write(to: note)
    #expect(
      StandIn(at: golden)?.text
        == "is not here, but \(golden).dvc is: DVC keeps the content; fetch it: "
        + "dvc --cd \(root) pull 'Golden/a b.h5'")
    try Data("outs:\n".utf8).write(to: URL(filePath: root + "/sets.dvc"))
    #expect(
      StandIn(at: root + "/sets/deep/x.h5")?.text.hasSuffix("dvc --cd \(root) pull sets") == true)
    try Data([0x89, 0]).write(to: URL(filePath: golden))
    #expect(StandIn(at: golden) == nil)
  }

  @Test(arguments: [
    ("", "is empty"), ("\n<!DOCTYPE html>\n<html><title>Sign in</title>", "is a web page"),
    ("<html>", "is a web page"), ("<?xml version=\"1.0\"?><Error/>", "is an XML text"),
    ("{\"error\": \"Not authorized\"}", "is a JSON text that tells of an error"),
    ("{\"a\": 1}", "is a JSON text,"), ("404: Not Found", "is a text, "),
    ("Entry \u{1B}[1mnot found", "(it begins \"Entry [1mnot found\")"),
  ])
  func whatAServerSentIsNamed(_ content: String, _ part: String) throws {
    let text = try #require(try text(content))
    #expect(text.contains(part) && text.contains("again"), "\(text)")
  }

  @Test func aFileOfItsOwnKindIsNone() throws {
    #expect(try text("GGUF\u{3}\0\0\0") == nil)
    #expect(StandIn(at: root + "/nothing.h5") == nil && StandIn(at: root) == nil)
    #expect(try text("{\"schema\": \"assay.run/1\", \"error\": 1}", isText: true) == nil)
    #expect(try text("{\"model\": 1}", isText: true) == nil)
    #expect(try text("{\"detail\": \"Not found\"}", isText: true) != nil)
    #expect(try text("", isText: true) != nil && text(Self.lfs, isText: true) != nil)
    try Data([0xFF, 0xFE, 0x3C]).write(to: URL(filePath: golden))
    #expect(StandIn(at: golden) == nil)
  }
}
