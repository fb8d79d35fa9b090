import AssayTensors

/// A figure of a compared tensor: its one name, what it means, and how it is read and written.
///
/// ``all`` is the only list of them. Rules, every report, the JSON schema and the documentation draw
/// from it.
package struct Metric: Sendable {
  /// Which way is better.
  package enum Better: Sendable {
    case small, large
  }

  /// How a figure is written.
  package enum Format: Sendable, Equatable {
    /// A number in so many significant digits.
    case real(digits: Int)
    /// A number in three digits, rounded up: what is shown passes whatever the number passes.
    case bound
    /// A whole number.
    case count
    /// A part of one, shown in percent.
    case share
  }

  /// Where a figure stands in the JSON of a tensor.
  package enum Place: String, Sendable, CaseIterable {
    /// With the tensor itself.
    case tensor
    /// With the tensor, where it is one of those that get the figures that cost a second pass.
    case detail
    /// In an object of its own, where there is a noise floor.
    case floor
    /// In an object of its own, where the tensor holds logits.
    case logits
    /// In the object about the values of that side.
    case actual, expected
  }

  /// What the JSON tells of the elements that a figure comes from.
  package enum Companion: Sendable {
    /// An index along every axis, under this name.
    case index(String)
    /// `<name>_index`, `<name>_actual` and `<name>_expected`.
    case elements
  }

  /// What a figure is read from.
  enum Source: Sendable {
    case difference(@Sendable (Difference) -> Reading?)
    case detail(@Sendable (TensorDetail) -> Double?)
    case values(@Sendable (TensorStatistics) -> Reading?)
  }

  /// What it is called in rules and in every report.
  package let name: String
  /// What it means, in plain words; `d` is actual minus expected.
  package let meaning: String
  /// The unit that it is in, such as `dB`; `nil` for a plain number.
  package var unit: String?
  /// Which way is better; `nil` for a figure that no rule can bound.
  package var better: Better?
  package var format = Format.real(digits: 3)
  package var companion: Companion?
  /// Whether it is shown where there is room for a few.
  package var isMain = false
  package var place = Place.tensor
  let source: Source
  /// Whether a difference has all that a rule judges.
  var isWhole: @Sendable (Difference) -> Bool = { _ in true }
  /// What digests tell of it; `nil` where that is nothing unless the bytes are equal.
  var estimate: (@Sendable (DigestEstimate) -> DigestEstimate.Figure?)?

  /// Whether more of it is better.
  package var isBetterLarge: Bool { better == .large }
  /// Whether digests of other bytes can tell it.
  package var isEstimable: Bool { estimate != nil }
  /// The name with the object that it stands in, where both sides have the same.
  package var path: String {
    place == .actual || place == .expected ? "\(place.rawValue).\(name)" : name
  }
}

extension Metric: Hashable {
  /// Whether two are the same figure.
  package static func == (left: Metric, right: Metric) -> Bool { left.path == right.path }
  /// Hashes what tells a figure from others.
  package func hash(into hasher: inout Hasher) { hasher.combine(path) }
}

extension Metric: CustomStringConvertible {
  /// Its name.
  package var description: String { path }
}

extension Metric {
  /// Its value, for a rule; `nil` where there is none, for example without a finite pair.
  package func value(of difference: Difference) -> Double? {
    guard isWhole(difference), case .difference(let read) = source else { return nil }
    return read(difference)?.value
  }

  /// Its value where only digests are known; `nil` where they do not tell.
  package func value(of estimate: DigestEstimate) -> Double? { figure(of: estimate)?.value }

  /// The same with its bounds.
  package func figure(of estimate: DigestEstimate) -> DigestEstimate.Figure? {
    if let tell = self.estimate { return tell(estimate) }
    guard estimate.isEqual, let better else { return nil }
    let best = better == .small ? 0.0 : 1
    return DigestEstimate.Figure(value: best, lower: best, upper: best)
  }
}

extension Metric {
  /// What a figure came to.
  package struct Reading: Sendable, Equatable {
    /// An index that belongs to it, in row-major order.
    package enum Index: Sendable, Equatable {
      /// The element that has the figure.
      case element(Int)
      /// The first of the elements that are counted.
      case first(Int)
      /// The row that has it, all axes but the last being rows.
      case row(Int)
    }

    /// The figure.
    package var value: Double
    /// The same where it is a whole number, however large.
    package var count: UInt64?
    /// Of how many elements it counts some.
    package var total: Int?
    /// Where it is; `nil` where it belongs to the whole tensor.
    package var index: Index?
    /// The pair that it comes from.
    package var extreme: Difference.Extreme?
    /// What an estimate is at least and at most; `nil` for what is known.
    package var bounds: DigestEstimate.Figure?

    init(_ value: Double) { self.value = value }

    init(count: Int, of total: Int? = nil, first: Int? = nil) {
      value = Double(count)
      self.count = UInt64(count)
      self.total = total
      index = first.map(Index.first)
    }

    init(_ extreme: Difference.Extreme) {
      value = extreme.value
      index = .element(extreme.index)
      self.extreme = extreme
    }

    init(_ row: Difference.Row) {
      value = row.value
      index = .row(row.row)
    }

    init(_ distance: Difference.UnitsInLastPlace) {
      value = Double(distance.distance)
      count = distance.distance
      index = .element(distance.index)
    }

    init(_ figure: DigestEstimate.Figure) {
      value = figure.value
      if figure.lower != figure.value || figure.upper != figure.value { bounds = figure }
    }
  }
}
