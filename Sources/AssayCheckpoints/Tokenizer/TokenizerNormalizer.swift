import Foundation

/// Brings text into a Unicode normal form before it is cut into words.
struct TextNormalizer: Sendable {
  private enum Form: String {
    case nfc = "NFC"
    case nfd = "NFD"
    case nfkc = "NFKC"
    case nfkd = "NFKD"
  }

  private let forms: [Form]

  init(_ component: TokenizerFile.Component?) throws {
    forms = try (component?.flattened ?? []).map { component in
      guard let form = Form(rawValue: component.type) else {
        throw TokenizerFileError.unsupported("the normalizer \(component.type)")
      }
      return form
    }
  }

  func normalize(_ text: String) -> String {
    forms.reduce(text) { text, form in
      switch form {
      case .nfc: text.precomposedStringWithCanonicalMapping
      case .nfd: text.decomposedStringWithCanonicalMapping
      case .nfkc: text.precomposedStringWithCompatibilityMapping
      case .nfkd: text.decomposedStringWithCompatibilityMapping
      }
    }
  }
}
