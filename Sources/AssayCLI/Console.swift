import Foundation

/// Where commands print: results to standard output, all else to standard error.
enum Console {
  /// Whether standard output is a terminal.
  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// Whether standard output is a terminal on which colours are wanted: see no-color.org.
  static var isColorful: Bool {
    let environment = ProcessInfo.processInfo.environment
    return isTerminal && environment["NO_COLOR", default: ""].isEmpty
      && environment["TERM", default: "dumb"] != "dumb"
  }

  /// Takes the places of standard streams that whoever started the process has closed.
  ///
  /// Else the next file that is opened takes them: what is printed would go into a golden. What is
  /// written to them fails, as it does to what is closed.
  static func keepStandardStreams() {
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(stream, F_GETFD) < 0 {
      // The lowest one that is free, which is this one.
      _ = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// Writes text and a line end to standard output.
  ///
  /// - Throws: ``CommandError/cannotWrite(path:reason:)``: a report cut by a full disk is no report.
  static func print(_ text: String) throws {
    try write(Data((text.hasSuffix("\n") ? text : text + "\n").utf8))
  }

  /// Writes bytes to standard output; `FileHandle` would lose the system's reason for a failure.
  static func write(_ data: Data) throws {
    try data.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Foundation.write(
          STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0 {
          if errno == EINTR { continue }
          throw CommandError.cannotWrite(
            path: "standard output", reason: String(cString: strerror(errno)))
        }
        rest = rest.dropFirst(count)
      }
    }
  }

  /// Writes a line to standard error.
  static func complain(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
  }
}
