import AssayRuns
import AssayTensors

/// Finds failing tensors whose very bytes stand under another name in the other run: swapped names, a
/// dump that is off by one, a norm whose output is another layer's.
///
/// Candidates are those of equal figures, which every comparison has made, and hashes decide. So the
/// cost is linear in the number of tensors, and only a bounded number of them is read again.
struct EqualElsewhere {
  /// How many failing tensors are looked for, and how many without figures are read on each side.
  static let limit = 64
  /// Fewer elements may be equal by chance.
  static let leastElements = 16

  private struct Place {
    var key: TensorKey
    var pair: TensorPair
    var figures: Figures
    var fails: Bool
  }

  /// What equal tensors have in common, whatever their shape.
  private struct Figures: Hashable {
    var dtype: DType
    var count: Int
    var values: [Double?]

    /// - Returns: `nil` for what may be equal by chance.
    init?(_ dtype: DType, _ statistics: TensorStatistics) {
      guard dtype.isFloatingPoint, statistics.elementCount >= EqualElsewhere.leastElements,
        statistics.min != statistics.max
      else { return nil }
      self.dtype = dtype
      count = statistics.elementCount
      values = [
        statistics.min, statistics.max, statistics.mean, statistics.l2,
        Double(statistics.nanCount), Double(statistics.infCount),
      ]
    }
  }

  private let read: PairJudge.Reader
  private var places = BothSides<[Place]>(actual: [], expected: [])
  private var hashes = BothSides<[TensorKey: String]>(actual: [:], expected: [:])

  /// What was found, as sentences of which each names both tensors; empty for a match.
  static func notes(_ judged: [JudgedPair], reading read: @escaping PairJudge.Reader) -> [String] {
    guard judged.contains(where: \.result.verdict.isFailure) else { return [] }
    var search = EqualElsewhere(read: read)
    search.gather(judged)
    return search.notes()
  }

  private init(read: @escaping PairJudge.Reader) { self.read = read }

  private mutating func gather(_ judged: [JudgedPair]) {
    var readCount = BothSides(actual: 0, expected: 0)
    for (pair, result) in judged.lazy.map({ ($0.pair, $0.result) }) {
      for side in RunSide.allCases {
        guard let record = pair.sides[side]?.record else { continue }
        // Another dtype's figures are those of converted elements.
        var known = result.verdict == .dtype ? nil : result.dtype
        var statistics =
          side == .actual ? result.actualStatistics : result.expectedStatistics
        if known == nil || statistics == nil, result.verdict.isFailure, record.isStored,
          readCount[side] < Self.limit
        {
          readCount[side] += 1
          guard let tensor = try? read(pair, side).tensor else { continue }
          (known, statistics) = (tensor.dtype, TensorStatistics(of: tensor))
        }
        guard let known, let statistics, let figures = Figures(known, statistics) else { continue }
        places[side].append(
          Place(key: pair.key, pair: pair, figures: figures, fails: result.verdict.isFailure))
      }
    }
  }

  private mutating func notes() -> [String] {
    let index = BothSides(
      actual: Dictionary(grouping: places.actual.indices) { places.actual[$0].figures },
      expected: Dictionary(grouping: places.expected.indices) { places.expected[$0].figures })
    var found: [String] = []
    var named = Set<[TensorKey]>()
    for side in RunSide.allCases {
      for place in places[side].filter(\.fails).prefix(Self.limit) {
        let candidates = (index[side.other][place.figures] ?? []).prefix(Self.limit)
          .map { places[side.other][$0] }.filter { $0.key != place.key }
          .enumerated().sorted {
            let order = [$0, $1].map { (rank($0.element, beside: place), $0.offset) }
            return order[0] < order[1]
          }.map(\.element)
        let equal = candidates.prefix(4).first {
          let ours = hash(place, side)
          return ours != nil && ours == hash($0, side.other)
        }
        guard let equal,
          named.insert(side == .actual ? [place.key, equal.key] : [equal.key, place.key]).inserted
        else { continue }
        found.append(
          "\(place.key) of the \(side.rawValue) run is equal to \(equal.key) of the "
            + "\(side.other.rawValue) run")
      }
    }
    let shown = 4
    guard found.count > shown else { return found }
    return found.prefix(shown) + [
      "\(found.count - shown) more failing tensors have equals like these"
    ]
  }

  /// The likeliest of several equals comes first.
  private func rank(_ candidate: Place, beside place: Place) -> Int {
    (candidate.key.step == place.key.step ? 0 : 4) + (candidate.key.slot == place.key.slot ? 0 : 2)
      + (candidate.key.slot.side == place.key.slot.side ? 0 : 1)
  }

  private mutating func hash(_ place: Place, _ side: RunSide) -> String? {
    let digest = place.pair.sides[side]?.record.digest
    if let known = digest?.sha256 ?? hashes[side][place.key] { return known }
    guard let tensor = try? read(place.pair, side).tensor else { return nil }
    let hash = tensor.contentHash
    hashes[side][place.key] = hash
    return hash
  }
}
