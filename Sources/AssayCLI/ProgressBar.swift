import Foundation
import Synchronization

/// A bar on a terminal's standard error; nothing anywhere else.
final class ProgressBar: Sendable {
  private let label: String
  private let isShown = isatty(STDERR_FILENO) == 1
  private let shownPercent = Mutex(-1)

  init(_ label: String) {
    self.label = label
  }

  /// Shows how far the work has come; may be called from any thread.
  func update(_ done: Int, of total: Int) {
    guard isShown, total > 0 else { return }
    shownPercent.withLock { shown in
      let percent = min(100, done * 100 / total)
      guard percent > shown else { return }
      shown = percent
      let filled = percent * 30 / 100
      let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
      draw("\r\(label) [\(bar)] \(percent)% (\(done)/\(total))")
    }
  }

  /// Removes the bar, so that what follows stands on a clean line.
  func clear() {
    shownPercent.withLock { shown in
      guard shown >= 0 else { return }
      shown = -1
      draw("\r\u{1B}[2K")
    }
  }

  private func draw(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
  }
}
