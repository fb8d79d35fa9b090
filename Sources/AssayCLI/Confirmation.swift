import Foundation

/// Asks a person to type a word, where one sits at a terminal.
enum Confirmation {
  /// Whether there is anyone to ask.
  static var isPossible: Bool { isatty(STDIN_FILENO) == 1 }

  /// Asks on standard error, for standard output may go elsewhere.
  ///
  /// - Returns: Whether exactly the word was typed.
  static func ask(_ question: String, word: String) -> Bool {
    try? FileHandle.standardError.write(contentsOf: Data("\(question) ".utf8))
    return readLine() == word
  }
}
