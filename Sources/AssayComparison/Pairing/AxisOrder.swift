import AssayTensors

/// Finds that a tensor is its counterpart with two axes swapped, or with the pairs of its last axis
/// in another order: rotary embeddings interleave them, (x0, y0, x1, y1), or have them in halves,
/// (x0, x1, y0, y1).
struct AxisOrder: Equatable {
  /// What is done to the actual tensor to make it the expected one.
  var transforms: [TensorTransform]
  /// In which order the actual tensor is, in words.
  var text: String

  /// Larger tensors are left alone.
  private static let elementLimit = 1 << 20
  /// How much the tensors may differ, of the expected one's deviation: more than rounding, less than
  /// what chance makes.
  private static let limit = 1e-2
  /// Of tensors with more rows the first tell enough of the order of the last axis.
  private static let rowLimit = 64
  private static let sizes = [16, 32, 64, 80, 96, 128, 160, 192, 256, 8, 4]

  /// Looks at two tensors of one number of elements.
  ///
  /// - Returns: `nil` for tensors that are alike as they are, or in none of these orders.
  init?(actual: Tensor, expected: Tensor) {
    guard actual.dtype.isFloatingPoint, expected.dtype.isFloatingPoint,
      actual.elementCount == expected.elementCount, actual.elementCount >= 8,
      actual.elementCount <= Self.elementLimit
    else { return nil }
    let isSameShape = actual.shape == expected.shape
    if isSameShape, Self.areAlike(actual, expected) { return nil }
    let rank = actual.shape.rank
    for first in 0..<max(rank - 1, 0) {
      for second in (first + 1)..<rank {
        let swap = TensorTransform.transpose(first, second)
        guard let swapped = try? swap.applied(to: actual), swapped.shape == expected.shape,
          actual.shape.dimensions[first] > 1, actual.shape.dimensions[second] > 1,
          Self.areAlike(swapped, expected)
        else { continue }
        self.init(transforms: [swap], text: "axes \(first) and \(second) swapped")
        return
      }
    }
    guard isSameShape, let found = Self.pairs(actual, expected) else { return nil }
    self = found
  }

  private init(transforms: [TensorTransform], text: String) {
    self.transforms = transforms
    self.text = text
  }

  private static func pairs(_ actual: Tensor, _ expected: Tensor) -> AxisOrder? {
    guard let width = actual.shape.dimensions.last, width > 0,
      let ours = try? rows(actual, width), let theirs = try? rows(expected, width)
    else { return nil }
    var shape = actual.shape.dimensions
    // Steps of other lengths have another number of rows.
    if shape.count > 1 { shape[shape.count - 2] = -1 }
    for size in Set(sizes + [width]).sorted() where size > 2 && size % 2 == 0 && width % size == 0 {
      for isInterleaved in [true, false] {
        let parts = isInterleaved ? [size / 2, 2] : [2, size / 2]
        func transforms(_ shape: [Int]) -> [TensorTransform] {
          [.reshape([-1, width / size] + parts), .transpose(-1, -2), .reshape(shape)]
        }
        guard let turned = try? transforms([-1, width]).applied(to: ours),
          areAlike(turned, theirs)
        else { continue }
        return AxisOrder(
          transforms: transforms(shape),
          text: "each \(size) entries of its last axis "
            + (isInterleaved
              ? "in pairs, (x0, y0, x1, y1), and not in halves, (x0, x1, y0, y1)"
              : "in halves, (x0, x1, y0, y1), and not in pairs, (x0, y0, x1, y1)"))
      }
    }
    return nil
  }

  /// The first rows, of which there are as many as the other axes have entries.
  private static func rows(_ tensor: Tensor, _ width: Int) throws -> Tensor {
    let flat = try TensorTransform.reshape([-1, width]).applied(to: tensor)
    return try flat.part(0..<min(flat.shape.dimensions[0], rowLimit), alongAxis: 0)
  }

  private static func areAlike(_ actual: Tensor, _ expected: Tensor) -> Bool {
    let (ours, theirs) = (actual.float32Values(), expected.float32Values())
    let count = Double(theirs.count)
    let mean = theirs.reduce(0) { $0 + Double($1) } / count
    let variance = theirs.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count
    let error = zip(ours, theirs).reduce(0) {
      let difference = Double($1.0) - Double($1.1)
      return $0 + difference * difference
    }
    return variance > 0 && error / count <= limit * limit * variance
  }
}
