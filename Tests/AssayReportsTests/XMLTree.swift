import Foundation
import Testing

#if canImport(FoundationXML)
import FoundationXML
#endif

/// An element of an XML document, as a parser other than our own reads it.
final class XMLTree {
  let name: String
  private let attributes: [String: String]
  private(set) var children: [XMLTree] = []
  private(set) var text = ""

  private init(name: String, attributes: [String: String]) {
    self.name = name
    self.attributes = attributes
  }

  /// An attribute's value, or what no attribute has.
  subscript(_ attribute: String) -> String { attributes[attribute] ?? "no \(attribute)" }

  static func parse(_ text: String) throws -> XMLTree {
    let parser = XMLParser(data: Data(text.utf8))
    let builder = Builder()
    parser.delegate = builder
    let isParsed = parser.parse()
    if let error = parser.parserError { throw error }
    #expect(isParsed)
    return try #require(builder.root)
  }

  private final class Builder: NSObject, XMLParserDelegate {
    var root: XMLTree?
    private var open: [XMLTree] = []

    func parser(
      _ parser: XMLParser, didStartElement elementName: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      let element = XMLTree(name: elementName, attributes: attributes)
      open.last?.children.append(element)
      root = root ?? element
      open.append(element)
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
      open.last?.text += string
    }

    func parser(
      _ parser: XMLParser, didEndElement elementName: String, namespaceURI: String?,
      qualifiedName: String?
    ) {
      open.removeLast()
    }
  }
}
