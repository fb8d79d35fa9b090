import AssayTensors

/// What is done to a tensor before it is compared with its counterpart.
enum TensorTransform: Sendable, Hashable {
  /// Takes out an axis of extent 1.
  case squeeze(Int)
  /// Takes out an axis if it is there and of extent 1: what is done to all tensors of a run.
  case squeezeWherePossible(Int)
  /// Swaps two axes.
  case transpose(Int, Int)
  /// Gives the elements another shape; one extent may be -1.
  case reshape([Int])
  /// Takes entries along an axis, which negative numbers count from its end; without an end, all up
  /// to it.
  case slice(axis: Int, start: Int, end: Int?)
  /// Takes one of several parts of equal extent along an axis, counted from 0.
  case part(axis: Int, index: Int, count: Int)
  /// Converts the elements.
  case cast(DType)

  /// The tensor that it makes; a view wherever one does.
  ///
  /// - Throws: ``TransformMisfit`` for a tensor that it does not fit.
  func applied(to tensor: Tensor) throws -> Tensor {
    switch self {
    case .squeeze(let axis):
      let axis = try position(of: axis, in: tensor)
      guard tensor.shape.dimensions[axis] == 1 else {
        throw misfit(tensor, "the axis has \(tensor.shape.dimensions[axis]) entries, not 1")
      }
      return try tensor.squeezed(axis)
    case .squeezeWherePossible(let axis):
      guard let axis = tensor.shape.position(ofAxis: axis), tensor.shape.dimensions[axis] == 1
      else { return tensor }
      return try tensor.squeezed(axis)
    case .transpose(let first, let second):
      let axes = (try position(of: first, in: tensor), try position(of: second, in: tensor))
      return try tensor.view { dimensions, strides in
        dimensions.swapAt(axes.0, axes.1)
        strides.swapAt(axes.0, axes.1)
      }
    case .reshape(let extents):
      let shape = try shape(extents, of: tensor)
      let whole = tensor.contiguous()
      return try Tensor(
        storage: whole.storage, dtype: whole.dtype, shape: shape, byteOffset: whole.byteOffset,
        device: whole.device)
    case .slice(let axis, let start, let end):
      let axis = try position(of: axis, in: tensor)
      let extent = tensor.shape.dimensions[axis]
      let first = start < 0 ? extent + start : start
      let last = end.map { $0 < 0 ? extent + $0 : $0 } ?? extent
      guard first >= 0, first < last, last <= extent else {
        throw misfit(tensor, "the axis has \(extent) entries")
      }
      return try tensor.part(first..<last, alongAxis: axis)
    case .part(let axis, let index, let count):
      let axis = try position(of: axis, in: tensor)
      let extent = tensor.shape.dimensions[axis]
      guard extent > 0, extent % count == 0 else {
        throw misfit(tensor, "the axis has \(extent) entries, which are not \(count) equal parts")
      }
      let width = extent / count
      return try tensor.part(index * width..<(index + 1) * width, alongAxis: axis)
    case .cast(let dtype):
      return try TensorCast.cast(tensor, to: dtype) { misfit(tensor, $0) }
    }
  }

  private func shape(_ extents: [Int], of tensor: Tensor) throws -> Shape {
    let count = tensor.elementCount
    let known = try? Shape(extents.filter { $0 >= 0 })
    guard let known else { throw misfit(tensor, "the shape has too many elements") }
    var extents = extents
    if let open = extents.firstIndex(of: -1) {
      guard known.elementCount > 0, count % known.elementCount == 0 else {
        throw misfit(tensor, "its \(count) elements do not fill the other axes")
      }
      extents[open] = count / known.elementCount
    }
    let shape = try Shape(extents)
    guard shape.elementCount == count else {
      throw misfit(tensor, "it has \(count) elements, and the shape \(shape.elementCount)")
    }
    return shape
  }

  private func position(of axis: Int, in tensor: Tensor) throws -> Int {
    guard let position = tensor.shape.position(ofAxis: axis) else {
      throw misfit(tensor, "there is no axis \(axis)")
    }
    return position
  }

  private func misfit(_ tensor: Tensor, _ reason: String) -> TransformMisfit {
    TransformMisfit(
      reason: "\(self) does not fit a tensor of shape \(tensor.shape), \(tensor.dtype.torchName): "
        + reason)
  }
}

/// A transform that a tensor is not made for.
struct TransformMisfit: Error {
  var reason: String
}

extension TensorTransform: CustomStringConvertible {
  /// The transform as reports show it, such as `slice(-1, 0:64)`.
  var description: String {
    switch self {
    case .squeeze(let axis): "squeeze(\(axis))"
    case .squeezeWherePossible(let axis): "squeeze(\(axis)) where it is 1"
    case .transpose(let first, let second): "transpose(\(first), \(second))"
    case .reshape(let extents): "reshape(\(extents.map(String.init).joined(separator: ", ")))"
    case .slice(let axis, let start, let end):
      "slice(\(axis), \(start):\(end.map(String.init) ?? ""))"
    case .part(let axis, let index, let count): "part(\(axis), \(index) of \(count))"
    case .cast(let dtype): "cast(\(dtype))"
    }
  }

  /// Whether it leaves elements out.
  var isSlice: Bool {
    switch self {
    case .slice, .part: true
    default: false
    }
  }

  var isCast: Bool {
    if case .cast = self { true } else { false }
  }
}

extension TensorTransform {
  /// The transform as a mapping has it.
  var yaml: String {
    switch self {
    case .squeeze(let axis), .squeezeWherePossible(let axis): "{squeeze: \(axis)}"
    case .transpose(let first, let second): "{transpose: [\(first), \(second)]}"
    case .reshape(let extents):
      "{reshape: [\(extents.map(String.init).joined(separator: ", "))]}"
    case .slice(let axis, let start, let end):
      "{slice: {axis: \(axis), start: \(start)\(end.map { ", end: \($0)" } ?? "")}}"
    case .part(let axis, let index, let count):
      "{part: {axis: \(axis), index: \(index), of: \(count)}}"
    case .cast(let dtype): "{cast: \(dtype)}"
    }
  }
}

extension [TensorTransform] {
  /// Whether elements are left out.
  var slices: Bool { contains(where: \.isSlice) }

  /// What all of them make of a tensor, one after the other.
  ///
  /// - Throws: ``TransformMisfit``.
  func applied(to tensor: Tensor) throws -> Tensor {
    try reduce(tensor) { try $1.applied(to: $0) }
  }

  /// The shape that they make of one without touching elements; `nil` where there are others than
  /// those that take out an axis of 1, or one does not fit.
  func squeezed(_ shape: Shape) -> Shape? {
    var dimensions = shape.dimensions
    for transform in self {
      let (axis, isPossible): (Int, Bool)
      switch transform {
      case .squeeze(let position): (axis, isPossible) = (position, false)
      case .squeezeWherePossible(let position): (axis, isPossible) = (position, true)
      default: return nil
      }
      let position = (try? Shape(dimensions))?.position(ofAxis: axis)
      if let position, dimensions[position] == 1 {
        dimensions.remove(at: position)
      } else if !isPossible {
        return nil
      }
    }
    return try? Shape(dimensions)
  }

  /// Whether they fit a tensor, whose elements are left alone.
  func fit(_ tensor: Tensor) -> Bool {
    (try? filter { !$0.isCast }.applied(to: tensor)) != nil
  }
}

extension Tensor {
  /// The same elements with other dimensions and strides.
  fileprivate func view(_ change: (inout [Int], inout [Int]) -> Void) throws -> Tensor {
    var (dimensions, strides) = (shape.dimensions, strides)
    change(&dimensions, &strides)
    return try Tensor(
      storage: storage, dtype: dtype, shape: try Shape(dimensions), strides: strides,
      byteOffset: byteOffset, device: device)
  }

  /// The tensor without an axis of extent 1.
  fileprivate func squeezed(_ axis: Int) throws -> Tensor {
    try view { dimensions, strides in
      dimensions.remove(at: axis)
      strides.remove(at: axis)
    }
  }
}

extension Shape {
  /// The position from 0 of an axis that may be counted from the end by negative numbers.
  func position(ofAxis axis: Int) -> Int? {
    guard axis.magnitude <= rank else { return nil }
    let position = axis < 0 ? rank + axis : axis
    return dimensions.indices.contains(position) ? position : nil
  }
}
