/// A suite of a JUnit report.
struct JUnitSuite {
  var name: String
  var cases: [JUnitCase]
}

/// A case of a JUnit report.
struct JUnitCase {
  enum Outcome {
    case passed
    case skipped(String)
    /// What was tested is wrong.
    case failure(type: String, message: String, text: String)
    /// It could not be tested.
    case error(type: String, message: String, text: String)
  }

  var name: String
  var className: String
  var outcome: Outcome
}

/// The XML of a JUnit report: the elements and attributes that all its readers share.
enum JUnitText {
  static func render(_ suites: [JUnitSuite]) -> String {
    var totals = Counts()
    var body = ""
    for suite in suites {
      let counts = Counts(of: suite.cases)
      totals.add(counts)
      body +=
        "  <testsuite name=\"\(attribute(suite.name))\" \(counts.attributes) "
        + "skipped=\"\(counts.skipped)\">\n"
      for item in suite.cases { body += element(item) }
      body += "  </testsuite>\n"
    }
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      + "<testsuites name=\"assay\" \(totals.attributes)>\n\(body)</testsuites>\n"
  }

  private struct Counts {
    var tests = 0
    var failures = 0
    var errors = 0
    var skipped = 0

    init() {}

    init(of cases: [JUnitCase]) {
      tests = cases.count
      for item in cases {
        switch item.outcome {
        case .passed: break
        case .skipped: skipped += 1
        case .failure: failures += 1
        case .error: errors += 1
        }
      }
    }

    mutating func add(_ other: Counts) {
      tests += other.tests
      failures += other.failures
      errors += other.errors
      skipped += other.skipped
    }

    var attributes: String {
      "tests=\"\(tests)\" failures=\"\(failures)\" errors=\"\(errors)\""
    }
  }

  private static func element(_ item: JUnitCase) -> String {
    let start =
      "    <testcase classname=\"\(attribute(item.className))\" name=\"\(attribute(item.name))\""
    func problem(_ element: String, _ type: String, _ message: String, _ text: String) -> String {
      "\(start)>\n      <\(element) type=\"\(attribute(type))\" message=\"\(attribute(message))\">"
        + "\(XMLText.content(text))</\(element)>\n    </testcase>\n"
    }
    switch item.outcome {
    case .passed: return start + "/>\n"
    case .skipped(let reason):
      return "\(start)>\n      <skipped message=\"\(attribute(reason))\"/>\n    </testcase>\n"
    case .failure(let type, let message, let text): return problem("failure", type, message, text)
    case .error(let type, let message, let text): return problem("error", type, message, text)
    }
  }

  /// An attribute's value, on one line and of a length that readers take.
  private static func attribute(_ text: String) -> String {
    XMLText.content(PlainText.line(text, limit: 1200))
  }
}

/// Text as it stands in XML 1.0.
enum XMLText {
  /// Escapes what is markup in content or in an attribute, and leaves out what XML cannot hold.
  static func content(_ text: String) -> String {
    if text.utf8.allSatisfy({ isPlain($0) }) { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result.append(contentsOf: "&amp;".unicodeScalars)
      case "<": result.append(contentsOf: "&lt;".unicodeScalars)
      case ">": result.append(contentsOf: "&gt;".unicodeScalars)
      case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
      case "'": result.append(contentsOf: "&apos;".unicodeScalars)
      case "\t", "\n": result.append(scalar)
      // A reader would turn it into a line feed.
      case "\r": result.append(contentsOf: "&#13;".unicodeScalars)
      case _ where isLegal(scalar): result.append(scalar)
      default: break
      }
    }
    return String(result)
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "&"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\""),
      UInt8(ascii: "'"):
      false
    case 0x0A, 0x20..<0x7F: true
    default: false
    }
  }

  private static func isLegal(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
    default: false
    }
  }
}
