import ArgumentParser

/// How commands print what is no comparison.
enum ListingFormat: String, CaseIterable, ExpressibleByArgument {
  case text, json

  static let help = ArgumentHelp(
    "The format: \(allCases.map(\.rawValue).joined(separator: " or ")).")
}
