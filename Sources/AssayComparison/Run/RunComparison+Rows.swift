package import AssayTensors

/// Which rows of a tensor differ, where runs are compared by rows.
package struct DifferingRows: Sendable, Equatable {
  /// The relative L2 error of a request's rows.
  package struct Request: Sendable, Equatable {
    /// The request, as the expected run counts.
    package var request: Int
    /// The positions in its text, ascending.
    package var positions: [Int]
    /// The errors at these positions.
    package var errors: [Double]
  }

  /// The call that the tensor is of.
  package var call: CallKey
  /// Which tensor of the call.
  package var slot: Slot
  /// The first row that differs, in the order of requests and positions.
  package var row: Row
  /// How many rows differ.
  package var differing: Int
  /// How many rows were compared.
  package var count: Int
  /// The errors, by request.
  package var errors: [Request]

  /// - Parameter counts: Whether a row is one of those that are asked for.
  fileprivate init?(_ place: Divergence?, where counts: (RowError) -> Bool) {
    guard let place, let list = place.tensor.rows, let found = place.tensor.detail?.rows,
      found.count == list.rows.count
    else { return nil }
    let rows = zip(list.rows, found).sorted {
      ($0.0.request, $0.0.position) < ($1.0.request, $1.0.position)
    }
    let differing = rows.filter { counts($0.1) }
    guard let first = differing.first else { return nil }
    call = place.call
    slot = place.tensor.slot
    row = first.0
    self.differing = differing.count
    count = rows.count
    errors = Dictionary(grouping: rows) { $0.0.request }.sorted { $0.key < $1.key }
      .map { request, rows in
        Request(
          request: request, positions: rows.map(\.0.position), errors: rows.map(\.1.error))
      }
  }
}

extension RunComparison {
  /// The rows of the first tensor that differs at all; `nil` where none does, where runs are not
  /// compared by rows, and where the tensor is none of those that are shown in detail.
  package var firstDifferingRows: DifferingRows? {
    DifferingRows(firstDifference) { $0.error != 0 }
  }

  /// The rows outside the tolerance of the tensor with which the runs part.
  package var firstFailingRows: DifferingRows? {
    DifferingRows(firstDivergence) { $0.mismatchedCount > 0 }
  }

  /// A request by its number and, where a run tells it, its name.
  package func requestName(_ request: Int) -> String {
    "\(request)" + (rows?.requestIDs[request].map { " (\($0))" } ?? "")
  }

  /// What to say of the rows, in sentences without a full stop.
  var rowNotes: [String] {
    guard let rows else { return [] }
    let parts = [
      (rows.notComputedInActual, "not computed by the actual run"),
      (rows.notComputedInExpected, "not computed by the expected run"),
      (rows.againInActual, "computed again by the actual run, and not compared"),
      (rows.againInExpected, "computed again by the expected run, and not compared"),
      (rows.paddingInActual, "padding of the actual run"),
      (rows.paddingInExpected, "padding of the expected run"),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    var notes = [
      "compared by rows, whatever the steps: \(rows.compared) in both runs"
        + parts.map { ", " + $0 }.joined()
        + (rows.areStepsExpected ? "" : "; steps are the actual run's, which has fewer")
    ]
    if let text = partialText(rows) { notes.append(text) }
    if let found = firstFailingRows {
      notes.append("the first failing tensor is \(text(found)) are outside the tolerance")
    }
    if let found = firstDifferingRows {
      notes.append("the first module whose values are not all equal is \(text(found)) differ")
    } else if firstDifference == nil, isMatch {
      notes.append("all values of all these rows are equal")
    }
    return notes
  }

  /// Which tensors hold fewer rows than both runs computed in their step, as logits may.
  private func partialText(_ rows: RowSummary) -> String? {
    var count = 0
    var first: String?
    for step in steps {
      guard let all = rows.rowCounts[step.index] else { continue }
      for tensor in step.modules.lazy.flatMap(\.tensors) {
        guard let own = tensor.rows?.rows.count, 0 < own, own < all else { continue }
        count += 1
        first = first ?? "\(tensor.key), \(own) of \(all) rows"
      }
    }
    guard let first else { return nil }
    return
      "\(count == 1 ? "1 tensor was" : "\(count) tensors were") compared for fewer rows than both "
      + "runs computed, since one of them holds no others there: \(first)"
  }

  private func text(_ found: DifferingRows) -> String {
    let share = (Double(found.differing) / Double(found.count) * 1000).rounded() / 10
    return "\(found.call.module), \(found.slot): \(found.differing) of \(found.count) rows "
      + "(\(share) %), the first at position \(found.row.position) of request "
      + "\(requestName(found.row.request)),"
  }
}
