import Foundation
import Testing

@testable import AssayHDF5

/// Programs in the place of the child that do not do what it does.
@Suite struct HDF5ChildTests {
  /// What becomes of a file that a shell script opens; descriptor 3 is the socket.
  private func error(
    _ script: String, silence: Duration = .seconds(20), whole: Duration = .seconds(60)
  ) throws -> HDF5ChildEnding? {
    do {
      _ = try HDF5ForeignFile(
        nil, folder: nil,
        program: HDF5Child.Program(path: "/bin/sh", arguments: ["-c", script]),
        patience: HDF5Child.Patience(silence: silence, whole: whole))
      return nil
    } catch HDF5Error.childFailed(_, let ending) {
      return ending
    }
  }

  @Test(arguments: [
    ("exit 3", HDF5ChildEnding.status(3)),
    ("exit 0", .status(0)),
    ("kill -SEGV $$", .signal(SIGSEGV)),
    ("kill -XCPU $$", .signal(SIGXCPU)),
    ("kill -KILL $$", .signal(SIGKILL)),
    // A header of which the rest is missing.
    ("printf '\\001\\000' >&3", .status(0)),
    // A part that is cut.
    ("printf '\\003\\012\\000\\000\\000abc' >&3", .status(0)),
  ])
  func howItEndsIsTold(_ script: String, _ ending: HDF5ChildEnding) throws {
    #expect(try error(script) == ending)
  }

  @Test(arguments: [
    "printf 'hello world' >&3",
    // More than was asked for.
    "printf '\\001\\001\\000\\000\\000x' >&3",
    "printf '\\001\\377\\377\\377\\377' >&3",
    // No part, over and over.
    "while :; do printf '\\001\\000\\000\\000\\000' >&3 || exit; done",
    // An error of a kind that is none, with more texts than follow, and with more behind.
    "printf '\\003\\011\\000\\000\\000\\077\\000\\000\\000\\000\\000\\000\\000\\000' >&3",
    "printf '\\003\\011\\000\\000\\000\\002\\377\\000\\000\\000\\000\\000\\000\\000' >&3",
    "printf '\\003\\012\\000\\000\\000\\002\\000\\000\\000\\000\\000\\000\\000\\000x' >&3",
    "printf '\\002\\001\\000\\000\\000' >&3",
  ])
  func nonsenseEndsIt(_ answer: String) throws {
    #expect(try error(answer + "; sleep 100") == .nonsense)
  }

  @Test func anErrorIsTakenAsItIs() throws {
    #expect(throws: HDF5Error.notHDF5) {
      try error("printf '\\003\\011\\000\\000\\000\\002\\0\\0\\0\\0\\0\\0\\0\\0' >&3; sleep 100")
    }
  }

  @Test func silenceEndsIt() throws {
    #expect(try error("sleep 100", silence: .milliseconds(300)) == .silent(seconds: 0))
  }

  /// It says something ever again, and would never come to an end.
  @Test func slownessEndsIt() throws {
    let script = """
      printf '\\003\\000\\000\\001\\000' >&3
      while :; do printf x >&3 || exit; sleep 0.02; done
      """
    #expect(try error(script, whole: .milliseconds(300)) == .silent(seconds: 0))
  }

  @Test func aProgramThatIsNotThereIsAnError() throws {
    let ending = #expect(throws: HDF5Error.self) {
      try HDF5ForeignFile(
        nil, folder: nil, program: HDF5Child.Program(path: "/none"))
    }
    #expect(ending?.description.contains("cannot be started: No such file") == true)
  }

  @Test func nothingOfItStays() throws {
    let sockets = try Self.socketCount()
    for _ in 0..<40 {
      let child = try HDF5Child(
        HDF5Child.Program(path: "/bin/sh", arguments: ["-c", "sleep 100"]), file: nil,
        patience: HDF5Child.Patience())
      let id = child.id
      #expect(kill(id, 0) == 0)
      withExtendedLifetime(child) {}
    }
    // Other tests have theirs meanwhile.
    #expect(try Self.socketCount() < sockets + 30)
  }

  @Test func aChildIsReaped() throws {
    var child: HDF5Child? = try HDF5Child(
      HDF5Child.Program(path: "/bin/sh", arguments: ["-c", "sleep 100"]), file: nil,
      patience: HDF5Child.Patience())
    let id = try #require(child?.id)
    child = nil
    #expect(waitpid(id, nil, WNOHANG) == -1 && errno == ECHILD)
    withExtendedLifetime(child) {}
  }

  private static func socketCount() throws -> Int {
    let folder = "/proc/self/fd"
    return try FileManager.default.contentsOfDirectory(atPath: folder).filter {
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
      return target?.hasPrefix("socket:") == true
    }.count
  }

  @Test(arguments: [
    (HDF5ChildEnding.signal(SIGSEGV), "libhdf5 crashed while it read /a (signal 11, Segm"),
    (
      .signal(SIGXCPU), "libhdf5 took too much processor time while it read /a: the file is damaged"
    ),
    (.signal(SIGKILL), "the process in which libhdf5 read /a was ended by signal 9, Killed"),
    (.silent(seconds: 20), "libhdf5 gave no answer for 20 s while it read /a"),
    (.nonsense, "the process in which libhdf5 read /a answered nonsense"),
    (.tooOften, "libhdf5 is not asked any more"),
  ])
  func endingsAreSentences(_ ending: HDF5ChildEnding, _ sentence: String) {
    let error = HDF5Error.childFailed(operation: "read /a", ending: ending)
    #expect(error.description.hasPrefix(sentence))
  }
}
