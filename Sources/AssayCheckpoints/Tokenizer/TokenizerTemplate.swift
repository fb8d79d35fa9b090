/// The token ids that stand before and after a text's own.
struct TokenTemplate: Sendable {
  var prefix: [Int] = []
  var suffix: [Int] = []

  init(_ processor: TokenizerFile.Component?) throws {
    for component in processor?.flattened ?? [] {
      switch component.type {
      case "ByteLevel": break  // moves offsets, not tokens
      case "TemplateProcessing": try add(component)
      default:
        throw TokenizerFileError.unsupported("the post-processor \(component.type)")
      }
    }
  }

  private mutating func add(_ component: TokenizerFile.Component) throws {
    var before: [Int] = []
    var after: [Int] = []
    var hasText = false
    for piece in component.single ?? [] {
      if let sequence = piece.sequence {
        guard sequence.id == "A", !hasText else {
          throw TokenizerFileError.unsupported("a template with more than one text")
        }
        hasText = true
      } else if let name = piece.specialToken?.id {
        guard let token = component.specialTokens?[name] else {
          throw TokenizerFileError.malformed("the template's token '\(name)' has no ids")
        }
        if hasText { after += token.ids } else { before += token.ids }
      } else {
        throw TokenizerFileError.malformed("a template's piece is neither a token nor a text")
      }
    }
    guard hasText else {
      throw TokenizerFileError.unsupported("a template without the text")
    }
    prefix = before + prefix
    suffix += after
  }
}
