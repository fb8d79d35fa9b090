/// Why a replay in a test has no comparison to return.
public enum ReplayTestError: Error, Equatable, Sendable {
  /// `ASSAY_RECORD` names no record mode.
  case unknownRecordMode(String)
  /// A golden's name cannot be a path below the folder of the goldens.
  case badName(String, reason: String)
  /// No folder above the test's file has a `Package.swift`.
  case noPackage(file: String)
  /// The golden is not there and the mode does not record it; `near` are names that there are.
  case noGolden(path: String, mode: RecordMode, recordedBy: String?, near: [String])
  /// The golden is not there, and the test gives nothing to record one from.
  case nothingToReplay(path: String, reason: String, near: [String])
  /// A replay of this kind cannot record the golden.
  case notRecordable(path: String, reason: String)
  /// The golden is not a test's to record anew: another tool, framework or model made it.
  case foreignGolden(path: String, reason: String)
  /// The golden was recorded, for the first time or anew.
  ///
  /// `changes` is what it changes of the golden that was there; `nil` where none was. `near` are
  /// names that there are, of which one was perhaps meant.
  case recorded(path: String, changes: GoldenChanges?, near: [String] = [])
}

/// What a new golden changes of the one that was there.
public struct GoldenChanges: Equatable, Sendable {
  /// The changes in a few plain lines.
  public let text: String
  /// The changes as GitHub markdown.
  public let markdown: String
}

extension ReplayTestError: CustomStringConvertible {
  /// What is wrong and what to do.
  public var description: String {
    switch self {
    case .unknownRecordMode(let value):
      "ASSAY_RECORD is \"\(value)\"; it can be "
        + RecordMode.allCases.map(\.rawValue).joined(separator: ", ")
    case .badName(let name, let reason):
      "\"\(Self.printable(name))\" cannot name a golden: \(reason)"
    case .noPackage(let file):
      "no folder above \(file) has a Package.swift; set ASSAY_GOLDEN_DIR to the folder of the "
        + "goldens, or say by withAssay(goldens:) where they are among the test's resources"
    case .noGolden(let path, let mode, let command, let near):
      "\(path) does not exist\(Self.question(near)), and the record mode is \(mode.rawValue)"
        + (command.map { "; to record it: \($0)" } ?? "")
    case .nothingToReplay(let path, let reason, let near):
      "\(path) does not exist\(Self.question(near)); \(reason)"
    case .notRecordable(let path, let reason):
      "\(path) is not recorded: \(reason)"
    case .foreignGolden(let path, let reason):
      "\(path) is not recorded by a test: \(reason); record another run there, look at what it "
        + "changes, and make it the golden: assay approve RUN \(path) --message WHY"
    case .recorded(let path, .none, let near):
      "\(path) did not exist\(Self.question(near, isRecorded: true)) and was recorded; look at it "
        + "with `assay inspect`, commit it, and run the test again"
    case .recorded(let path, let changes?, _):
      "\(path) was recorded anew; look at what changed, commit it, and run the test again\n"
        + changes.text
    }
  }

  private static func question(_ near: [String], isRecorded: Bool = false) -> String {
    guard !near.isEmpty else { return "" }
    let names = near.map { "\"\(printable($0))\"" }.joined(separator: " or ")
    return " (did you mean \(names)?\(isRecorded ? " Then remove the new file." : ""))"
  }

  /// A name without the control characters that made it unusable.
  private static func printable(_ name: String) -> String {
    String(
      String.UnicodeScalarView(
        name.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
  }
}
