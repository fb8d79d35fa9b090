import Foundation
import Testing

/// What `--format`, `--summary` and `--plots` write.
@Suite struct ReportFormatTests {
  private static let bug = [
    "compare", "--dir1", "Golden/tiny-llama/bugs/weight-row.h5", "--dir2", CompareTests.golden,
  ]

  @Test func textIsPlainAwayFromATerminal() throws {
    let outcome = try AssayProcess.run(
      Self.bug + ["--format", "text"], environment: ["TERM": "xterm-256color"])
    #expect(outcome.status == 1)
    #expect(outcome.stdout.hasPrefix("✗ Mismatch: model.layers.2.mlp.down_proj in step 0: "))
    #expect(outcome.stdout.contains("cause      introduced here: its inputs are equal"))
    #expect(!outcome.stdout.contains("\u{1B}"))
  }

  @Test(arguments: [
    (["TERM": "xterm"], true), (["TERM": "xterm", "NO_COLOR": ""], true),
    (["TERM": "xterm", "NO_COLOR": "1"], false), (["TERM": "dumb"], false),
  ])
  func textIsColouredOnATerminal(environment: [String: String], isColored: Bool) throws {
    let terminal = try PseudoTerminal()
    let clear = ["NO_COLOR": ""].merging(environment) { $1 }
    // The terminal stands in for standard output too.
    let outcome = try AssayProcess.shell(
      "assay \(Self.bug.joined(separator: " ")) --modules lm_head --steps 0 --format text >&0",
      environment: clear, standardInput: terminal.terminal)
    #expect(outcome.status == 1)
    let screen = terminal.screen
    #expect(screen.contains("Mismatch"))
    #expect(screen.contains("\u{1B}[1;31m") == isColored)
  }

  @Test func thePageIsOpenedWhereADesktopIs() throws {
    let folder = try TemporaryFolder()
    let opener = folder.url.appending(path: "xdg-open")
    try Data("#!/bin/sh\ncp \"$1\" \"$(dirname \"$0\")/opened.html\"; echo opened\n".utf8)
      .write(to: opener)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: opener.path)
    let environment = [
      "PATH": folder.url.path + ":/usr/bin:/bin", "DISPLAY": ":7", "TMPDIR": folder.url.path,
    ]
    let outcome = try AssayProcess.run(
      Self.bug + ["--open", "--summary"], environment: environment)
    #expect(outcome.status == 1)
    #expect(outcome.stdout.hasPrefix("# Assay comparison"))
    #expect(!outcome.stdout.contains("opened"))
    let page = try String(contentsOf: folder.url.appending(path: "opened.html"), encoding: .utf8)
    #expect(page.hasPrefix("<!DOCTYPE html>") || page.hasPrefix("<!doctype html>"))
    #expect(page.contains("model.layers.2.mlp.down_proj"))
  }

  @Test func whereNoDesktopIsThePageIsNamed() throws {
    let folder = try TemporaryFolder()
    let outcome = try AssayProcess.run(
      Self.bug + ["--open"],
      environment: [
        "DISPLAY": "", "WAYLAND_DISPLAY": "", "BROWSER": "", "SSH_CONNECTION": "1",
        "TMPDIR": folder.url.path,
      ])
    #expect(outcome.status == 1)
    let line = try #require(outcome.stderr.split(separator: "\n").last)
    let path = try #require(line.split(separator: "the report's page is ").last)
    #expect(FileManager.default.fileExists(atPath: String(path)), "\(line)")
  }

  @Test(arguments: [
    (CompareTests.golden, 1, "No mapping to suggest: all modules of step 0"),
    ("Golden/tiny-llama/checkpoint", 2, "is not a recorded run"),
  ])
  func aMappingThatCannotBeSuggestedIsNoSuccess(run: String, status: Int32, part: String) throws {
    let folder = try TemporaryFolder()
    let outcome = try AssayProcess.run([
      "compare", run, CompareTests.golden, "--suggest-mapping", "--output", folder.path("m.yml"),
    ])
    #expect(outcome.status == status)
    #expect(outcome.stdout.isEmpty && outcome.stderr.contains(part), "\(outcome.stderr)")
    #expect(!FileManager.default.fileExists(atPath: folder.path("m.yml")))
  }

  @Test func plotsAreReferredToFromTheReportsFolder() throws {
    let folder = try TemporaryFolder()
    let outcome = try AssayProcess.run(
      Self.bug + ["--output", folder.path("a/report.md"), "--plots", folder.path("b (1)/plots")])
    // The report's folder is not made, as before.
    #expect(outcome.status == 2)
    try FileManager.default.createDirectory(
      atPath: folder.path("a"), withIntermediateDirectories: true)
    let again = try AssayProcess.run(
      Self.bug + ["--output", folder.path("a/report.md"), "--plots", folder.path("b (1)/plots")])
    #expect(again.status == 1)
    let report = try String(contentsOfFile: folder.path("a/report.md"), encoding: .utf8)
    #expect(report.contains("](../b%20%281%29/plots/growth.svg)"))
    let svg = try String(contentsOfFile: folder.path("b (1)/plots/growth.svg"), encoding: .utf8)
    #expect(svg.hasPrefix("<svg "))
    #expect(svg.contains(">model.layers.2.mlp.down_proj</text>"))
  }

  @Test func htmlIsOneFile() throws {
    let folder = try TemporaryFolder()
    let outcome = try AssayProcess.run(
      Self.bug + ["--format", "html", "--output", folder.path("report.html")])
    #expect(outcome.status == 1)
    #expect(outcome.stdout.isEmpty)
    let page = try String(contentsOfFile: folder.path("report.html"), encoding: .utf8)
    #expect(page.hasPrefix("<!DOCTYPE html>"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).count == 1)
  }

  @Test func replaysSummaryNamesTheWholeReport() throws {
    let folder = try TemporaryFolder()
    let outcome = try AssayProcess.run([
      "replay", CompareTests.golden, "--rtol", "1e-3", "--atol", "1e-3", "--summary",
      "--report-dir", folder.path("reports"),
    ])
    #expect(outcome.status == 0)
    #expect(outcome.stdout.hasPrefix("# Assay comparison: match\n"))
    #expect(outcome.stdout.contains("The whole report: `\(folder.path("reports"))/float32.md`."))
    #expect(outcome.stdout.split(separator: "\n").count <= 30)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path("reports"))
    #expect(files.sorted() == ["float32.html", "float32.json", "float32.md"])
  }

  @Test(arguments: [
    (["--summary", "--format", "json"], "--format json"),
    (["--summary", "--format", "html"], "--format html"),
    (["--summary", "--format", "text"], "--format text"),
    (["--summary", "--verbose"], "--verbose"), (["--format", "pdf"], "pdf"),
  ])
  func senselessCombinationsAreRejected(options: [String], named: String) throws {
    let outcome = try AssayProcess.run(Self.bug + options)
    #expect(outcome.status == 2)
    #expect(outcome.stdout.isEmpty)
    #expect(outcome.stderr.contains(named))
  }
}
