import AssayRuns
import AssayTensors

/// What one tensor shows by itself, before it is asked where that comes from.
struct HealthSigns: Sendable {
  var kinds: HealthKinds = []
  /// Those of an input that are the work of a mask, unless what comes out shows them as well: only
  /// elements below zero do.
  var excusable: HealthKinds = []
  /// Whether it is an additive mask, whose -inf and lowest numbers are right.
  var isMask = false
  /// How many rows of a mask are -inf from end to end.
  var maskedRowCount = 0

  /// - Parameter tensor: The elements; `nil` where there is only a digest.
  init(_ figures: HealthFinding.Figures, module: String, tensor: Tensor?) {
    let census = figures.census
    let isInput = figures.slot.side == .inputs
    guard census.elementCount > 0 else { return }
    let name = MaskName(figures.slot, module: isInput ? nil : module)
    guard let limits = figures.dtype.floatLimits else {
      // NaN is found in every dtype, whether its limits are known or not.
      if census.nonFiniteCount > 0 {
        kinds = .only(.nonFinite)
      } else if name.hidesAll(census, figures.dtype) {
        kinds = .only(.maskEverything)
      }
      return
    }
    isMask = census.isMask(name, isInput: isInput)
    if isMask, census.isLow {
      judgeMask(census, limits, name, tensor)
    } else if census.nonFiniteCount > 0 {
      kinds = .only(.nonFinite)
      if isInput, census.isLow { excusable = kinds }
    } else {
      judge(census, limits, figures.shape)
      guard isInput, let max = census.max, max < limits.large else { return }
      excusable = kinds.intersection([.only(.nearLargest), .only(.saturated)])
    }
  }

  private mutating func judge(_ census: TensorCensus, _ limits: FloatLimits, _ shape: Shape) {
    guard let min = census.min, let max = census.max, let magnitude = census.magnitude else {
      return
    }
    let count = census.elementCount
    if limits.isScaled {
      // With a scale for each block, the largest element of each block is right to be the largest.
      if count >= 32, census.details?.largestCount ?? 0 > count / 4 {
        kinds.insert(.only(.saturated))
      }
    } else if magnitude >= limits.largest {
      kinds.insert(.only(.saturated))
    } else if magnitude >= limits.large {
      kinds.insert(.only(.nearLargest))
    }
    // One element alone says nothing about a tensor.
    guard count > 1 else { return }
    if magnitude > 0, magnitude <= limits.small {
      kinds.insert(.only(.nearSmallest))
    } else if let details = census.details, details.subnormalCount > 0,
      details.subnormalCount >= count - details.zeroCount - details.subnormalCount,
      // Probabilities fade out into subnormals.
      min < 0 || max > 1
    {
      kinds.insert(.only(.subnormal))
    }
    guard min == max else { return }
    if min == 0 {
      kinds.insert(.only(.allZero))
    } else if shape.rowLength > 1 {
      // Softmax over one key, and the weight of one chosen expert, are 1 everywhere.
      kinds.insert(.only(.constant))
    }
  }

  private mutating func judgeMask(
    _ census: TensorCensus, _ limits: FloatLimits, _ name: MaskName, _ tensor: Tensor?
  ) {
    if name.isMask, census.max ?? -.infinity <= TensorCensus.maskValue {
      kinds.insert(.only(.maskEverything))
    } else if let tensor, census.details?.negativeInfCount ?? 0 >= tensor.shape.rowLength {
      maskedRowCount = tensor.countOfRowsOfNegativeInfinity()
      if maskedRowCount > 0 { kinds.insert(.only(.maskedRows)) }
    }
    if census.details?.negativeInfCount ?? 0 > 0, let min = census.min, min <= -limits.largest / 2 {
      kinds.insert(.only(.maskOverflow))
    }
  }
}

extension TensorCensus {
  /// Whether it has nothing NaN and nothing infinite above zero, as far as it can be told.
  fileprivate var isLow: Bool {
    nanCount == 0 && (details.map { $0.negativeInfCount == infCount } ?? true)
  }

  /// Whether a tensor is an additive mask: by its name, or by its zeros and hiding values.
  ///
  /// Without the name it may have nothing else. Outputs are held to both.
  fileprivate func isMask(_ name: MaskName, isInput: Bool) -> Bool {
    if isInput, name.isMask { return true }
    guard isInput || name.isMask else { return false }
    guard let details else {
      // The finite elements of a digest are all zero.
      return infCount > 0 && nanCount == 0 && min == 0 && max == 0
    }
    let hidden = details.negativeInfCount + details.maskedCount
    return hidden > 0 && details.zeroCount > 0 && hidden + details.zeroCount == elementCount
  }
}

/// What the name of a tensor says about masks.
private struct MaskName {
  private let text: String

  /// - Parameter module: The module whose output it is.
  init(_ slot: Slot, module: String?) {
    let last = module?.split(separator: ".").last.map { " " + $0 } ?? ""
    text = (slot.rawValue + last).lowercased()
  }

  var isMask: Bool { text.contains("mask") }

  /// Whether a mask of integers or booleans hides everything, where its name tells which of its
  /// values hide.
  func hidesAll(_ census: TensorCensus, _ dtype: DType) -> Bool {
    guard isMask else { return false }
    if text.contains("attention_mask") { return census.max == 0 && census.min == 0 }
    let hidesByTrue = ["padding_mask", "src_mask", "tgt_mask", "memory_mask"].contains {
      text.contains($0)
    }
    return dtype == .bool && hidesByTrue && census.min == 1
  }
}

extension Tensor {
  /// How many rows along the last axis have no element but -inf.
  fileprivate func countOfRowsOfNegativeInfinity() -> Int {
    let length = shape.rowLength
    var (rows, column, isHidden) = (0, 0, true)
    walkConverted(Float.self, { convert($0, into: $1) }) { values in
      for value in values {
        isHidden = isHidden && value == -.infinity
        column += 1
        guard column == length else { continue }
        if isHidden { rows += 1 }
        (column, isHidden) = (0, true)
      }
    }
    return rows
  }
}
