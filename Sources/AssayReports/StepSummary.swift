import Foundation

/// The summary that GitHub Actions shows for a job's step.
package enum StepSummary {
  /// Adds markdown to the summary's file, which stays within GitHub's limit.
  ///
  /// Processes and threads may add to one file at the same time. What does not fit is cut, before
  /// a heading or at a line's end, and a sentence says so; a little room is kept for such sentences
  /// of later reports.
  ///
  /// - Parameters:
  ///   - markdown: What to add.
  ///   - path: The file, which `$GITHUB_STEP_SUMMARY` names.
  ///   - wholeReport: Where the whole report is, for the sentence that says it was cut.
  ///   - limit: The most bytes that the file may have.
  /// - Throws: ``ReportError``; the file then is as it was.
  package static func append(
    _ markdown: String, to path: String, wholeReport: String? = nil, limit: Int = 1 << 20
  ) throws(ReportError) {
    let file = try SummaryFile(path: path)
    defer { file.close() }
    let size = try file.lockedSize()
    // A block begins after an empty line, whatever the file ends with.
    let start = size == 0 ? "" : "\n\n"
    let room = limit - size - start.utf8.count
    guard
      let text = SummaryCut(wholeReport: wholeReport, limit: limit).fitted(markdown, room: room)
    else { throw .fullSummary(path: path, limit: limit) }
    try file.write(start + text, after: size)
  }
}

/// The file of a summary, open at its end.
private struct SummaryFile {
  private let path: String
  private let descriptor: Int32

  init(path: String) throws(ReportError) {
    self.path = path
    // Without waiting, so that a pipe that nobody reads is an error.
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0o644)
    guard descriptor >= 0 else { throw SummaryFile.failure(path) }
  }

  func close() { _ = Foundation.close(descriptor) }

  /// Waits for other writers; the size of what is no regular file counts as 0.
  func lockedSize() throws(ReportError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SummaryFile.failure(path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      guard fcntl(descriptor, F_SETFL, O_APPEND) == 0 else { throw SummaryFile.failure(path) }
      return 0
    }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw SummaryFile.failure(path) }
    }
    guard fstat(descriptor, &status) == 0 else { throw SummaryFile.failure(path) }
    return Int(status.st_size)
  }

  func write(_ text: String, after size: Int) throws(ReportError) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        let failure = SummaryFile.failure(path)
        // Half a report could leave a fence open over what comes later.
        _ = ftruncate(descriptor, off_t(size))
        throw failure
      }
      rest = rest.dropFirst(count)
    }
  }

  private static func failure(_ path: String) -> ReportError {
    .unwritableSummary(path: path, reason: String(cString: strerror(errno)))
  }
}
