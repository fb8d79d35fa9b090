import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A terminal for a command to sit at, with the test at the keyboard.
final class PseudoTerminal: Sendable {
  /// The end that a command takes for its standard input.
  let terminal: FileHandle
  private let keyboard: FileHandle

  init() throws {
    var (master, slave): (Int32, Int32) = (-1, -1)
    try #require(openpty(&master, &slave, nil, nil, nil) == 0)
    // Else a command would hold the keyboard open itself.
    _ = fcntl(master, F_SETFD, FD_CLOEXEC)
    _ = fcntl(slave, F_SETFD, FD_CLOEXEC)
    keyboard = FileHandle(fileDescriptor: master, closeOnDealloc: true)
    terminal = FileHandle(fileDescriptor: slave, closeOnDealloc: true)
  }

  /// What a command has written to the terminal since the last call; a screenful fits.
  var screen: String { String(decoding: keyboard.availableData, as: UTF8.self) }

  /// Types text; the terminal keeps it until a command reads it.
  func type(_ text: String) throws {
    try keyboard.write(contentsOf: Data(text.utf8))
  }
}
