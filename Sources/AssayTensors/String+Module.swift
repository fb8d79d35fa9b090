extension StringProtocol {
  /// The module that contains the one of this dotted name, or `nil` at the top.
  package var parentModule: String? {
    unicodeScalars.lastIndex(of: ".").map { String(self[..<$0]) }
  }
}
