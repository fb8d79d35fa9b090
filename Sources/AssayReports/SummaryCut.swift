/// Cuts markdown so that what stays is whole.
struct SummaryCut {
  /// Where the whole report is.
  var wholeReport: String?
  /// The most bytes that the file may have, for the sentence.
  var limit: Int

  /// What stays free of whole reports, so that later ones can at least say that they were cut.
  private static let reserve = 8192
  /// What a report may have of the reserve.
  private static let share = 1024

  /// The text that fits, or `nil` where not even the sentence does.
  func fitted(_ markdown: String, room: Int) -> String? {
    let reserve = limit > 8 * SummaryCut.reserve ? SummaryCut.reserve : 0
    let usable = max(room - reserve, min(room, SummaryCut.share))
    let text = markdown.hasSuffix("\n") ? markdown : markdown + "\n"
    if text.utf8.count <= usable { return text }
    let bytes = Array(text.utf8)
    var end = usable - notice.utf8.count
    guard end >= 0 else { return nil }
    while true {
      end = lineEnd(bytes, before: end)
      let kept = String(decoding: bytes[..<end], as: UTF8.self)
      let closing = SummaryCut.closing(kept)
      let result = kept + closing + notice
      if result.utf8.count <= usable { return result }
      // Nothing is open in nothing, so this ends.
      end = max(end - closing.utf8.count, 0)
    }
  }

  private var notice: String {
    let size = limit % 1024 == 0 ? "\(limit / 1024) KiB" : "\(limit) bytes"
    let place =
      wholeReport.map {
        " The whole report is \(MarkdownText.code(PlainText.line($0, limit: 400)))."
      } ?? ""
    return "\n**This report is cut**: a summary holds no more than \(size).\(place)\n"
  }

  /// The end of the last line that fits, or of the section before it where that keeps most.
  private func lineEnd(_ bytes: [UInt8], before limit: Int) -> Int {
    let newline = UInt8(ascii: "\n")
    guard let last = bytes[..<min(limit, bytes.count)].lastIndex(of: newline) else { return 0 }
    let end = last + 1
    var position = end
    while position > end - end / 4 {
      guard let start = bytes[..<(position - 1)].lastIndex(of: newline) else { break }
      if bytes[start + 1] == UInt8(ascii: "#") { return start + 1 }
      position = start + 1
    }
    return end
  }

  /// What ends the code and the folded blocks that text leaves open.
  private static func closing(_ text: String) -> String {
    var fence: Substring?
    var depth = 0
    for line in text.split(separator: "\n") {
      let line = line.drop { $0 == " " }
      if let open = fence {
        if line.hasPrefix(open), line.allSatisfy({ $0 == open.first || $0 == " " }) { fence = nil }
      } else if line.hasPrefix("```") || line.hasPrefix("~~~") {
        fence = line.prefix { $0 == line.first }
      } else {
        depth += line.ranges(of: "<details").count - line.ranges(of: "</details>").count
      }
    }
    return (fence.map { "\($0)\n" } ?? "")
      + String(repeating: "\n</details>\n", count: max(depth, 0))
  }
}
