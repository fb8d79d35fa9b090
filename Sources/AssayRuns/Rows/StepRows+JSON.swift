package import AssayBase

/// Written as `{"layouts": [{"shape": [2, 3], "spans": [[null, 0, 1], [0, 0, 2], [1, 5, 3]]}],
/// "requests": {"0": "cmpl-7"}}`; a layout has `axes` where they are not the leading ones.
extension StepRows: JSONReadable, JSONWritable {
  /// More rows than a step has; beyond it a file asks for memory that no row is behind.
  private static let rowLimit = 1 << 24

  package init(json: JSONValue) throws {
    layouts = try json.member("layouts")
    requestIDs = [:]
    for (ordinal, id) in try json.optional("requests", as: NameMap<String>.self) ?? [:] {
      guard let request = Int(ordinal), request >= 0 else {
        throw JSONError.invalid.under(key: ordinal).under(key: "requests")
      }
      requestIDs[request] = id
    }
  }

  package var jsonValue: JSONValue {
    var names: NameMap<JSONValue> = [:]
    for (request, id) in requestIDs { names[String(request)] = .string(id) }
    return .object(of: [
      "layouts": layouts, "requests": names.isEmpty ? nil : JSONValue.object(names),
    ])
  }

  fileprivate static func check(_ layout: Layout) throws {
    var total = 1
    for extent in layout.shape {
      let (product, overflow) = total.multipliedReportingOverflow(by: extent)
      guard extent > 0, !overflow, product <= rowLimit else { throw JSONError.invalid }
      total = product
    }
    guard !layout.shape.isEmpty, layout.axes.count == layout.shape.count,
      Set(layout.axes).count == layout.axes.count, layout.axes.allSatisfy({ $0 < 64 }),
      layout.spans.reduce(0, { $0 + $1.count }) == total
    else { throw JSONError.invalid }
  }

  fileprivate static func span(_ json: JSONValue) throws -> Span {
    guard case .array(let parts) = json, parts.count == 3 else { throw JSONError.wrongType }
    let request = parts[0] == .null ? nil : try parts[0].natural()
    let (position, count) = (try parts[1].natural(), try parts[2].natural())
    guard count > 0, count <= rowLimit, position <= Int.max - count, request ?? 0 < Int.max else {
      throw JSONError.invalid
    }
    return Span(request: request, position: position, count: count)
  }
}

extension StepRows.Layout: JSONReadable, JSONWritable {
  package init(json: JSONValue) throws {
    shape = try json.member("shape") { try $0.items { try $0.natural() } }
    axes = try json.optional("axes") ?? Array(shape.indices)
    spans = try json.member("spans") { try $0.items(StepRows.span) }
    guard axes.allSatisfy({ $0 >= 0 }) else { throw JSONError.invalid.under(key: "axes") }
    try StepRows.check(self)
  }

  package var jsonValue: JSONValue {
    .object(of: [
      "shape": shape, "axes": axes == Array(shape.indices) ? nil : axes,
      "spans": JSONValue.array(
        spans.map { span in
          .array([
            span.request.map { .integer(Int64($0)) } ?? .null, .integer(Int64(span.position)),
            .integer(Int64(span.count)),
          ])
        }),
    ])
  }
}
