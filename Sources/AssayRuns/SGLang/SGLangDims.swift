import AssayBase

/// What SGLang's `dims` say of a tensor: `b s[cp:zigzag,sp] (heads*head_dim)[tp] # dp:=attn_dp`.
///
/// Before `#` stand the tensor's axes, each with those of the ranks that cut it, the outermost first;
/// behind it axes of the ranks along which it is the same, and which one has other requests.
struct SGLangDims: Hashable {
  /// One axis of the ranks that cuts an axis of the tensor, or along which it is a sum.
  struct Cut: Hashable {
    var axis: String
    var isZigzag = false
    var isPartial = false
  }

  /// One axis of the tensor.
  struct Dimension: Hashable {
    var name: String
    var cuts: [Cut] = []
  }

  /// Why a text is none.
  struct Failure: Error {
    var reason: String
  }

  /// The axes of ranks that SGLang and Megatron tell of; where two are the same, the first names it.
  static let axes = [
    "pp", "tp", "cp", "dp", "ep", "sp", "etp", "edp", "attn_tp", "attn_dp", "attn_cp", "moe_ep",
    "moe_tp", "moe_dp",
  ]

  private(set) var dimensions: [Dimension] = []
  /// The axes of the ranks along which the tensor is the same.
  private(set) var replicated: [String] = []
  /// The axis of the ranks along which each has requests of its own.
  private(set) var batches = "dp"

  init(_ text: String) throws(Failure) {
    let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    for token in parts[0].split(whereSeparator: \.isWhitespace) {
      dimensions.append(try Self.dimension(token))
    }
    let names = dimensions.map(\.name).filter { $0 != "1" }.flatMap { $0.split(separator: "*") }
    guard !names.isEmpty, Set(names).count == names.count else {
      throw Failure(reason: names.isEmpty ? "it names no axis" : "it names an axis twice")
    }
    guard parts.count > 1 else { return }
    for token in parts[1].split(whereSeparator: \.isWhitespace) {
      if let alias = token.wholeMatch(of: /dp:=(\w+)/) {
        batches = try Self.axis(alias.1)
      } else if let same = token.wholeMatch(of: /(\w+):replicated/) {
        replicated.append(try Self.axis(same.1))
      } else {
        throw Failure(reason: "\"\(token)\" is neither dp:=AXIS nor AXIS:replicated")
      }
    }
  }

  private static func dimension(_ token: Substring) throws(Failure) -> Dimension {
    if token == "1" { return Dimension(name: "1") }
    guard
      let match = token.wholeMatch(
        of: /(?:([A-Za-z_]\w*)|\(([A-Za-z_]\w*(?:\*[A-Za-z_]\w*)+)\))(?:\[([^\[\]]+)\])?/)
    else { throw Failure(reason: "\"\(token)\" is no axis of a tensor") }
    var dimension = Dimension(name: String(match.1 ?? match.2 ?? ""))
    for text in match.3?.split(separator: ",", omittingEmptySubsequences: false) ?? [] {
      let cut = try cut(text)
      guard !dimension.cuts.contains(where: { $0.axis == cut.axis }) else {
        throw Failure(reason: "\"\(token)\" has \(cut.axis) twice")
      }
      dimension.cuts.append(cut)
    }
    return dimension
  }

  /// Reads `tp`, `cp:zigzag` or `tp:partial`.
  private static func cut(_ text: Substring) throws(Failure) -> Cut {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    var cut = Cut(axis: try axis(parts[0]))
    let words = parts.count > 1 ? parts[1].split(separator: "+") : []
    guard Set(words).count == words.count, !(words.contains("zigzag") && words.contains("natural"))
    else { throw Failure(reason: "\"\(text)\" contradicts itself") }
    for word in words {
      switch word {
      case "sharded", "natural": break
      case "zigzag": cut.isZigzag = true
      case "partial": cut.isPartial = true
      default: throw Failure(reason: "\"\(word)\" is none of sharded, natural, zigzag, partial")
      }
    }
    return cut
  }

  private static func axis(_ name: Substring) throws(Failure) -> String {
    guard axes.contains(String(name)) else {
      throw Failure(reason: "\"\(name)\" is none of the axes \(axes.joined(separator: ", "))")
    }
    return String(name)
  }
}
