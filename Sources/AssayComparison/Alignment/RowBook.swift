import AssayRuns
import AssayTensors

/// Which rows the steps of one run hold.
struct RowBook {
  /// One way in which tensors of a step hold rows.
  struct Layout {
    var shape: [Int]
    var axes: [Int]
    /// In row-major order over `shape`; `nil` for padding.
    var rows: [Row?]

    /// Whether a tensor of a shape holds rows in this way.
    func fits(_ dimensions: [Int]) -> Bool {
      zip(axes, shape).allSatisfy { $0 < dimensions.count && dimensions[$0] == $1 }
    }
  }

  /// A token, however often it was computed.
  struct Token: Hashable {
    var request: Int
    var position: Int
  }

  /// The layouts of the run's steps, at the steps' positions.
  private(set) var layouts: [[Layout]] = []
  /// The rows of each step, each once, in the order of the layouts.
  private(set) var rows: [[Row]] = []
  /// In which step, by its position, a row is.
  private(set) var owners: [Row: Int] = [:]
  /// How often each token was computed.
  private(set) var occurrences: [Token: Int] = [:]
  /// How many rows of the steps' first layouts are padding.
  private(set) var paddingCount = 0
  private(set) var requestIDs: [Int: String] = [:]

  /// - Parameter requests: What the requests of this run are called in the other; those that are not
  ///   named take no part. `nil` for the same names.
  /// - Throws: ``ComparisonError/unusableRows(path:step:reason:)``.
  init(_ run: any RunReader, requests: [Int: Int]? = nil) throws(ComparisonError) {
    try Self.checkCount(run)
    for (place, step) in run.steps.enumerated() {
      var known: [Token: Row] = [:]
      var ofStep: [Row] = []
      var ofLayouts: [Layout] = []
      for (position, layout) in (step.rows?.layouts ?? []).enumerated() {
        var rows: [Row?] = []
        var seen: Set<Row> = []
        for span in layout.spans {
          guard let told = span.request else {
            rows += [Row?](repeating: nil, count: span.count)
            if position == 0 { paddingCount += span.count }
            continue
          }
          let request = requests == nil ? told : requests?[told]
          for offset in 0..<span.count {
            guard let request else {
              rows.append(nil)
              continue
            }
            let token = Token(request: request, position: span.position + offset)
            let row: Row
            if let old = known[token] {
              row = old
            } else {
              row = Row(
                request: request, position: token.position,
                occurrence: occurrences[token, default: 0])
              known[token] = row
              owners[row] = place
              ofStep.append(row)
            }
            guard seen.insert(row).inserted else {
              throw .unusableRows(
                path: run.path, step: step.index,
                reason: "row \(token.position) of request \(told) is there twice")
            }
            rows.append(row)
          }
        }
        ofLayouts.append(Layout(shape: layout.shape, axes: layout.axes, rows: rows))
      }
      for token in known.keys { occurrences[token, default: 0] += 1 }
      for (told, id) in step.rows?.requestIDs ?? [:] {
        if let request = requests == nil ? told : requests?[told] { requestIDs[request] = id }
      }
      layouts.append(ofLayouts)
      rows.append(ofStep)
    }
  }
}

extension RowBook {
  /// So many rows may a run have whatever else it holds: what is told of them takes some 40 MB.
  private static let rowLimit = 1 << 18

  /// Refuses a run that tells of more rows than its tensors have bytes: each row costs memory.
  private static func checkCount(_ run: any RunReader) throws(ComparisonError) {
    var limit = rowLimit
    var unmeasured: [TensorKey] = []
    for tensor in run.steps.lazy.flatMap(\.calls).flatMap(\.tensors) {
      switch tensor.content {
      case .stored:
        if let count = run.byteCount(of: tensor.key) {
          limit += count
        } else {
          unmeasured.append(tensor.key)
        }
      // A digest is of many elements, and as large as its projection.
      case .skipped(let note): limit += note.digest == nil ? 0 : TensorDigest.projectionCount * 4
      case .notRecorded: break
      }
    }
    var count = 0
    for step in run.steps {
      for span in (step.rows?.layouts ?? []).lazy.flatMap(\.spans) {
        count += span.count
        while count > limit, let key = unmeasured.popLast() {
          let tensor = try? run.tensor(key)
          limit += tensor.map { min($0.byteCount, $0.storage.byteCount) } ?? 0
        }
        guard count <= limit else {
          throw .unusableRows(
            path: run.path, step: step.index,
            reason: "it tells of more rows than the \(limit) that its tensors may have; align by "
              + "steps, or record the run again")
        }
      }
    }
  }
}
