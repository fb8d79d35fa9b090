import AssayBase

/// What SGLang says of the tokens of one forward pass.
package struct SGLangRows: Sendable {
  /// The position of each row in its request's text.
  package var positions: [Int]
  /// How long each request is after the pass, in the order of the batch.
  package var lengths: [Int]
  /// What SGLang calls the requests, where the dump has it.
  package var names: [String]?

  /// Makes it of what a dump says, true or not.
  package init(positions: [Int], lengths: [Int], names: [String]? = nil) {
    self.positions = positions
    self.lengths = lengths
    self.names = names
  }

  /// The rows of all passes, as far as the requests can be followed.
  ///
  /// With their names they can. Without, a request that begins at position 0 is a new one, and
  /// another goes on with the one that is as long, if only one assignment keeps the order of the
  /// batch, as SGLang does. From the first pass in which that fails no step has rows: a prefix that
  /// came out of the cache, for one, begins at a position that tells nothing.
  ///
  /// - Parameter passes: What is known of each pass, by its number.
  package static func followed(_ passes: [Int: SGLangRows]) -> [Int: StepRows] {
    let isNamed = passes.values.allSatisfy { $0.names != nil }
    var book = RequestBook()
    var rows: [Int: StepRows] = [:]
    for number in 0..<passes.count {
      guard let pass = passes[number], let batch = pass.batch,
        let requests = isNamed ? book.named(pass.names ?? []) : book.followed(batch),
        requests.count == batch.count
      else { break }
      let names = isNamed ? Dictionary(zip(requests, pass.names ?? [])) { first, _ in first } : [:]
      rows[number] = StepRows(
        layouts: layouts(requests: requests, batch: batch), requestIDs: names)
    }
    return rows
  }

  /// The positions of each request; `nil` where the rows are not exactly those of the requests.
  private var batch: [Range<Int>]? {
    var batch: [Range<Int>] = []
    var row = 0
    for length in lengths {
      guard row < positions.count, positions[row] >= 0, positions[row] < length,
        length - positions[row] <= positions.count - row
      else { return nil }
      let range = positions[row]..<length
      guard positions[row..<row + range.count].elementsEqual(range) else { return nil }
      batch.append(range)
      row += range.count
    }
    return row == positions.count && row > 0 ? batch : nil
  }

  private static func layouts(requests: [Int], batch: [Range<Int>]) -> [StepRows.Layout] {
    let all = zip(requests, batch).map { request, range in
      StepRows.Span(request: request, position: range.lowerBound, count: range.count)
    }
    let count = batch.reduce(0) { $0 + $1.count }
    let layouts = [StepRows.Layout(shape: [count], spans: all)]
    if count == batch.count { return layouts }
    // Logits are of the last row of each request.
    let last = zip(requests, batch).map { request, range in
      StepRows.Span(request: request, position: range.upperBound - 1)
    }
    return layouts + [StepRows.Layout(shape: [batch.count], spans: last)]
  }
}

/// The requests that came so far, counted in order of arrival.
private struct RequestBook {
  private struct Request {
    var ordinal: Int
    var length: Int
    /// The last pass that it was in.
    var pass: Int
    /// Whether it gets one token a pass, its prompt being over.
    var isDecoding = false
  }
  private var running: [Request] = []
  private var ordinals: [ExactName: Int] = [:]
  private var arrived = 0
  private var pass = 0

  /// The ordinals of requests by their names; `nil` where one stands twice in the batch.
  mutating func named(_ names: [String]) -> [Int]? {
    let names = names.map { ExactName($0) }
    guard Set(names).count == names.count else { return nil }
    return names.map { name in
      if let known = ordinals[name] { return known }
      ordinals[name] = ordinals.count
      return ordinals.count - 1
    }
  }

  /// The ordinals of requests by where they go on; `nil` where that is not certain.
  mutating func followed(_ batch: [Range<Int>]) -> [Int]? {
    let continued = batch.filter { $0.lowerBound > 0 }
    let first = positions(of: continued, among: Array(running.indices))
    let last = positions(of: continued.reversed(), among: running.indices.reversed())
    guard let first, let last, first == last.reversed() else { return nil }
    pass += 1
    var found = first.makeIterator()
    var requests: [Int] = []
    for range in batch {
      if range.lowerBound > 0, let position = found.next() {
        running[position].length = range.upperBound
        running[position].pass = pass
        running[position].isDecoding = range.count == 1
        requests.append(running[position].ordinal)
      } else {
        requests.append(arrived)
        running.append(Request(ordinal: arrived, length: range.upperBound, pass: pass))
        arrived += 1
      }
    }
    // All that still run decode together: what is not there has ended.
    if batch.allSatisfy({ $0.lowerBound > 0 && $0.count == 1 }) {
      running.removeAll { $0.pass != pass }
    }
    return requests
  }

  /// Which requests go on, the first that fit in the order given.
  private func positions(of batch: [Range<Int>], among candidates: [Int]) -> [Int]? {
    var rest = candidates[...]
    var found: [Int] = []
    for range in batch {
      guard let next = rest.firstIndex(where: { fits(running[$0], range) }) else { return nil }
      found.append(rest[next])
      rest = rest[(next + 1)...]
    }
    return found
  }

  private func fits(_ request: Request, _ range: Range<Int>) -> Bool {
    // The next part of a prompt follows at once.
    request.length == range.lowerBound
      && (range.count == 1 || !request.isDecoding && request.pass == pass)
  }
}
