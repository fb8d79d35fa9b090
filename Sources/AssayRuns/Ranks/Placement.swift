import AssayBase
package import AssayTensors

/// How the tensors that the ranks along one axis of a mesh hold make the whole one.
///
/// The words are those of PyTorch's DTensor where it has them: `Replicate`, `Shard`, `Partial`.
package enum Placement: Hashable, Sendable {
  /// Every rank holds the same tensor.
  case replicate
  /// The whole is the sum over the ranks.
  case partial
  /// One rank holds the tensor: a stage of a pipeline, logits that are gathered, an expert.
  ///
  /// `indices` are, by coordinate, which index of the whole each module that counts from 0 on its
  /// rank has.
  case stage(indices: [[Int]]?)
  /// Every rank holds a part along an axis.
  case shard(Shard)

  /// How the parts along an axis make the whole.
  package struct Shard: Hashable, Sendable {
    /// The axis of the tensor; negative ones count from the end.
    package var axis: Int
    /// Which entries of the whole a rank's entries are.
    package var order: Order
    /// How many neighbouring ranks hold the same part, at least 1; interleaved parts have their own.
    package var replicas = 1
    /// How many entries at the end of the joined axis are padding.
    package var padding = 0

    package init(axis: Int, order: Order = .ranks(width: nil), replicas: Int = 1, padding: Int = 0)
    {
      self.axis = axis
      self.order = order
      self.replicas = replicas
      self.padding = padding
    }
  }

  /// Which entries of the whole a rank's entries are.
  package enum Order: Hashable, Sendable {
    /// Those of the first rank, then those of the second, and so on; `width` of them without padding.
    case ranks(width: Int?)
    /// The same, of these widths.
    case widths([Int])
    /// Every rank holds its share of each part, one after the other; the whole has all of the first
    /// part, then all of the second.
    case parts([Part])
    /// The axis is cut in two chunks a rank; rank c of n holds chunk c and chunk 2n - 1 - c.
    case zigzag(width: Int?)
    /// Which entry of the whole each entry of each rank is.
    case indices([[Int]])
  }

  /// One of several tensors that lie side by side in one.
  package struct Part: Hashable, Sendable {
    package var name: String?
    /// How many entries of the whole it has.
    package var width: Int
    /// How many of them each rank holds; `nil` for equal shares.
    package var widths: [Int]?
    /// How many neighbouring ranks hold the same share.
    package var replicas = 1

    package init(name: String? = nil, width: Int, widths: [Int]? = nil, replicas: Int = 1) {
      self.name = name
      self.width = width
      self.widths = widths
      self.replicas = replicas
    }
  }
}

/// The axes along which a model is spread over ranks.
package struct RankMesh: Hashable, Sendable {
  package struct Axis: Hashable, Sendable {
    /// Such as `tp`.
    package var name: String
    package var size: Int

    package init(name: String, size: Int) {
      self.name = name
      self.size = size
    }
  }

  /// The axes, the slowest first.
  package var axes: [Axis]
  /// The ranks in the order of their places in the mesh, row-major.
  package var ranks: [Int]

  package init(axes: [Axis], ranks: [Int]? = nil) {
    self.axes = axes
    self.ranks = ranks ?? Array(0..<axes.reduce(1) { $0 * $1.size })
  }

  /// The coordinate along an axis of a place in the mesh.
  func coordinate(ofPlace place: Int, along axis: Int) -> Int {
    place / axes[(axis + 1)...].reduce(1) { $0 * $1.size } % axes[axis].size
  }

  /// Such as `pp 2, tp 4`.
  package var text: String { axes.map { "\($0.name) \($0.size)" }.joined(separator: ", ") }
}

/// One rule of a placements file.
package struct PlacementRule: Sendable {
  /// The whole name of the modules that it is for.
  package var module: ModuleRenaming
  /// The slots that it is for; `nil` for all.
  package var slots: [ModuleRenaming]?
  /// By the axes of the mesh.
  package var placements: [Placement?]
  /// Why nothing is known of how its tensors lie, where that was said in a way that has no meaning.
  package var refusal: String?

  var unfinished: UnfinishedPattern? {
    module.unfinished ?? (slots ?? []).lazy.compactMap(\.unfinished).first
  }

  func covers(_ slot: Slot) -> Bool {
    slots?.contains { $0.groups(in: slot.rawValue) != nil } ?? true
  }
}

/// How the tensors of a group of ranks make whole ones.
package struct Placements: Sendable {
  package var mesh: RankMesh
  /// The first that covers a tensor decides.
  package var rules: [PlacementRule]
  /// Within what replicas must agree: `|d| <= atol + rtol * |first|`; both 0 for equal bits.
  package var replicaBound = (rtol: 0.0, atol: 0.0)
  /// What errors and reports call them.
  package var source: String

  package init(mesh: RankMesh, rules: [PlacementRule], source: String) {
    self.mesh = mesh
    self.rules = rules
    self.source = source
  }
}

extension Placement: CustomStringConvertible {
  /// As a placements file has it.
  package var description: String {
    switch self {
    case .replicate: "replicate"
    case .partial: "partial"
    case .stage(nil): "stage"
    case .stage(let indices?): "{stage: \(indices)}"
    case .shard(let shard): "\(shard)"
    }
  }
}

extension Placement.Shard: CustomStringConvertible {
  /// As a placements file has it.
  package var description: String {
    var fields = ["shard: \(axis)"]
    switch order {
    case .ranks(let width): if let width { fields.append("width: \(width)") }
    case .widths(let widths): fields.append("widths: \(widths)")
    case .parts(let parts): fields.append("parts: [\(parts.map(\.text).joined(separator: ", "))]")
    case .zigzag(let width):
      fields.append("order: zigzag")
      if let width { fields.append("width: \(width)") }
    case .indices(let indices): fields.append("indices: \(indices)")
    }
    if replicas > 1 { fields.append("replicas: \(replicas)") }
    if padding > 0 { fields.append("padding: \(padding)") }
    return "{\(fields.joined(separator: ", "))}"
  }
}

extension Placement.Part {
  fileprivate var text: String {
    guard name != nil || widths != nil || replicas > 1 else { return "\(width)" }
    var fields = name.map { ["name: \($0)"] } ?? []
    fields.append(widths.map { "widths: \($0)" } ?? "width: \(width)")
    if replicas > 1 { fields.append("replicas: \(replicas)") }
    return "{\(fields.joined(separator: ", "))}"
  }
}
