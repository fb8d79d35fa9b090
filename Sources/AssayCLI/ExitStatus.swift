/// What the process leaves with; thrown by a command that has already said everything.
enum ExitStatus: Int32, Error {
  /// The work is done, and everything matches.
  case success = 0
  /// The work is done, and something differs.
  case mismatch = 1
  /// The work could not be done: bad usage, an unreadable run.
  case failure = 2
}
