import AssayRuns
import Testing

@testable import AssayComparison
@testable import AssayTensors

/// The kernels of every instruction set against the element-by-element definition.
@Suite struct KernelTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var instructions: InstructionSet
    var dtype: DType

    var testDescription: String { "\(dtype) \(instructions)" }
  }

  static let dtypes = DType.allCases.filter { !$0.isComplex }

  static let cases = InstructionSet.available.flatMap { instructions in
    dtypes.map { Case(instructions: instructions, dtype: $0) }
  }

  /// Sizes around the edges of lanes, blocks and gathered chunks.
  static let shapes = [
    [], [1], [15], [16], [17], [2047], [2048], [2049], [4096], [5000], [3, 1000], [700, 7],
    [130, 64], [41, 1], [2, 3, 2050], [32769], [3, 0],
  ]

  /// Fewer for each of the many dtypes: the rest is the same code.
  static let fewShapes = [[], [1], [17], [2049], [170, 7], [33, 64], [41, 1], [3, 0]]

  static func shapes(for dtype: DType) -> [[Int]] {
    [.float32, .bfloat16, .float16].contains(dtype) ? shapes : fewShapes
  }

  @Test(arguments: dtypes) func kernelsAgreeWithTheDefinition(_ dtype: DType) throws {
    var generator = SeededGenerator(seed: 11)
    for shape in KernelTests.shapes(for: dtype) {
      for flavour in Flavour.allCases {
        let shape = try Shape(shape)
        let (a, e) = try flavour.pair(dtype, shape, &generator)
        for rule in [
          try ElementRule(rtol: 1e-2, atol: 1e-3), .exact,
          try ElementRule(rtol: 0, atol: 1e300, equalNaN: true),
        ] {
          let oracle = TensorComparison.scalarDifference(a, e, rule)
          for instructions in InstructionSet.available {
            let comment = "\(instructions) \(shape) \(flavour) \(rule)"
            let kernel = try #require(
              TensorComparison.kernelDifference(a, e, rule, using: instructions), "\(comment)")
            // Sums of small integers are exact in every order.
            let isExact = dtype.isInteger && flavour != .huge && flavour != .anyBits
            try expectSame(kernel, oracle, exactSums: isExact, comment)
          }
        }
      }
    }
  }

  /// Blocks of which one pair or none changes a maximum, a bound or the first mismatch.
  @Test(arguments: dtypes) func onePairOfABlockChangesWhatItMust(_ dtype: DType) throws {
    var generator = SeededGenerator(seed: 29)
    for shape in [[12_290], [61, 202], [12_290], [61, 202]] {
      let (a, e) = try Flavour.sparse.pair(dtype, Shape(shape), &generator)
      for rule in [
        try ElementRule(rtol: 1e-2, atol: 1e-3), .exact, try ElementRule(rtol: 0.3, atol: 1.5),
        try ElementRule(rtol: 0.1, atol: 0),
      ] {
        let oracle = TensorComparison.scalarDifference(a, e, rule)
        for instructions in InstructionSet.available {
          let kernel = try #require(
            TensorComparison.kernelDifference(a, e, rule, using: instructions))
          try expectSame(
            kernel, oracle, exactSums: dtype.isInteger, "\(instructions) \(shape) \(rule)")
        }
      }
    }
  }

  /// 81 / 99 is more than the number before it, of which 99 times rounds to 81.
  @Test(arguments: InstructionSet.available, [0.5, 1e4])
  func quotientsDecideWhereProductsAreEqual(_ instructions: InstructionSet, _ atol: Double) throws {
    let below = (81.0 / 99).nextDown
    try #require(below * 99 == 81)
    var expected = [Double](repeating: 1, count: 4200)
    var actual = expected
    (expected[0], actual[0]) = (1e6, 1e6 + 1000)
    actual[1] = 1 - below
    (expected[4100], actual[4100]) = (99, 18)
    if atol < 1 {
      // No rtol passes, and the largest ratio is of a pair that matches.
      actual[2] = .nan
      (expected[3], actual[3]) = (0, 0.25)
    }
    let difference = try #require(
      TensorComparison.kernelDifference(
        try Tensor(actual, dtype: .float64), try Tensor(expected, dtype: .float64),
        try ElementRule(rtol: 0, atol: atol), using: instructions))
    let largest = atol < 1 ? difference.maxRelMismatched : difference.maxRel
    #expect(largest?.index == 4100 && largest?.value == 81.0 / 99)
  }

  @Test(arguments: dtypes)
  func everyBitIsTheSameUnderEveryInstructionSet(_ dtype: DType) throws {
    var generator = SeededGenerator(seed: 5)
    for flavour in Flavour.allCases {
      let (a, e) = try flavour.pair(dtype, Shape([37, 301]), &generator)
      let rule = try ElementRule(rtol: 1e-3, atol: 1e-6)
      let all = InstructionSet.available.map {
        TensorComparison.kernelDifference(a, e, rule, using: $0)
      }
      #expect(Set(all.map { "\(String(describing: $0))" }).count == 1, "\(flavour)")
      #expect(all.dropFirst().allSatisfy { $0 == all[0] })
    }
  }

  /// Ordinary values must not go the slow way, element by element.
  @Test(arguments: dtypes) func ordinaryValuesStayInVectors(_ dtype: DType) throws {
    var generator = SeededGenerator(seed: 17)
    let rule = try ElementRule(rtol: 1e-3, atol: 1e-6)
    for flavour in Flavour.allCases where flavour.isOrdinary {
      let (a, e) = try flavour.pair(dtype, Shape([37, 301]), &generator)
      for instructions in InstructionSet.available {
        let blocks = TensorComparison.blocksByElement(a, e, rule, using: instructions)
        #expect(blocks == 0, "\(instructions) \(flavour)")
      }
    }
  }

  /// Every number of elements around the lanes, at addresses that no element is aligned to.
  @Test(arguments: dtypes) func sizesAndAddressesDoNotMatter(_ dtype: DType) throws {
    var generator = SeededGenerator(seed: 23)
    let flavours = Flavour.allCases.filter { $0 != .anyBits }
    let rules = [
      try ElementRule(rtol: 1e-2, atol: 1e-3), .exact, try ElementRule(rtol: 0.3, atol: 1.5),
      try ElementRule(rtol: 1e308, atol: 0), try ElementRule(rtol: 0, atol: 1e308, equalNaN: true),
    ]
    for count in 0...300 {
      let shape = try Shape([count])
      let (a, e) = try flavours[count % flavours.count].pair(dtype, shape, &generator)
      let (movedA, movedE) = (try moved(a, by: count % 7 + 1), try moved(e, by: count % 5 + 1))
      let rule = rules[count % rules.count]
      let oracle = TensorComparison.scalarDifference(a, e, rule)
      for instructions in InstructionSet.available {
        let kernel = try #require(
          TensorComparison.kernelDifference(movedA, movedE, rule, using: instructions))
        try expectSame(kernel, oracle, exactSums: false, "\(instructions) \(count) \(rule)")
      }
    }
  }

  private func moved(_ tensor: Tensor, by offset: Int) throws -> Tensor {
    let storage = Storage(byteCount: tensor.byteCount + offset) { target in
      tensor.withContiguousBytes(ofElements: 0..<tensor.elementCount) {
        UnsafeMutableRawBufferPointer(rebasing: target[offset...]).copyMemory(from: $0)
      }
    }
    return try Tensor(
      storage: storage, dtype: tensor.dtype, shape: tensor.shape, byteOffset: offset)
  }

  /// Pairs that only exact or scaled arithmetic serves get the figures of the definition.
  @Test func extremeMagnitudesAreLeftToTheDefinition() throws {
    func check<Value: BitwiseCopyable>(
      _ dtype: DType, _ ordinary: Value, _ extremes: [Value]
    ) throws {
      for extreme in extremes {
        for index in [0, 7, 100, 2049] {
          var values = [Value](repeating: ordinary, count: 2051)
          let e = try Tensor(values, dtype: dtype, shape: Shape([values.count]))
          values[index] = extreme
          let a = try Tensor(values, dtype: dtype, shape: Shape([values.count]))
          let rule = try ElementRule(rtol: 1e-3, atol: 1e-6)
          for (x, y) in [(a, e), (e, a)] {
            for instructions in InstructionSet.available {
              let kernel = TensorComparison.kernelDifference(x, y, rule, using: instructions)
              #expect(kernel == nil, "\(dtype) \(extreme) at \(index) \(instructions)")
            }
            let difference = try TensorComparison.difference(actual: x, expected: y, rule: rule)
            #expect(difference == TensorComparison.scalarDifference(x, y, rule))
          }
        }
      }
    }
    try check(
      .float64, 1.5,
      [0x1p-441, 0x1.8p480, -0x1p-1074, .leastNormalMagnitude, -.greatestFiniteMagnitude])
    try check(.int64, 7, [1 << 51, -(1 << 51) - 1, Int64.min, .max, 1 << 62])
    try check(.uint64, 7, [1 << 51, 1 << 52, 1 << 63, UInt64.max, .max - 1 << 51])
  }

  /// numpy: `np.float32(1e5) + np.arange(4000).reshape(8, 500) % 7 / np.float32(128)`, in float64.
  @Test(arguments: InstructionSet.available)
  func deviationFarFromZeroKeepsItsDigits(_ instructions: InstructionSet) throws {
    let values = (0..<4000).map { 1e5 + Float($0 % 7) / 128 }
    let tensor = try Tensor(values, dtype: .float32, shape: Shape([8, 500]))
    let difference = try #require(
      TensorComparison.kernelDifference(tensor, tensor, .exact, using: instructions))
    for statistics in [difference.actualStatistics, difference.expectedStatistics] {
      let deviation = try #require(statistics.standardDeviation)
      #expect(abs(deviation - 0.015625972137727092) < 1e-13)
    }
  }

  @Test(arguments: cases) func stridesDoNotChangeAFigure(_ test: Case) throws {
    var generator = SeededGenerator(seed: 3)
    let (a, e) = try Flavour.noisy.pair(test.dtype, Shape([210, 200]), &generator)
    func transposed(_ tensor: Tensor) throws -> Tensor {
      try Tensor(
        storage: tensor.storage, dtype: tensor.dtype, shape: Shape([200, 210]), strides: [1, 200])
    }
    let rule = try ElementRule(rtol: 1e-3, atol: 1e-6)
    let (at, et) = (try transposed(a), try transposed(e))
    let strided = TensorComparison.kernelDifference(at, et, rule, using: test.instructions)
    let copied = TensorComparison.kernelDifference(
      at.contiguous(), et.contiguous(), rule, using: test.instructions)
    #expect(strided != nil && strided == copied)
  }

  private func expectSame(
    _ kernel: Difference, _ oracle: Difference, exactSums: Bool, _ comment: String
  ) throws {
    var kernel = kernel
    // Sums are gathered in another order; whatever decides a verdict is not.
    func settle(_ path: WritableKeyPath<Difference, Double?>, within tolerance: Double) {
      if let x = kernel[keyPath: path], let y = oracle[keyPath: path], !exactSums,
        x == y || abs(x - y) <= tolerance * max(abs(y), 1e-300)
      {
        kernel[keyPath: path] = y
      }
    }
    settle(\.meanAbs, within: 1e-12)
    settle(\.rmse, within: 1e-12)
    settle(\.relativeL2, within: 1e-12)
    if let x = kernel.snrDecibels, let y = oracle.snrDecibels, !exactSums,
      x == y || abs(x - y) < 1e-10
    {
      kernel.snrDecibels = y
    }
    settle(\.sglRel, within: 1e-12)
    if let x = kernel.cosine, let y = oracle.cosine, !exactSums, abs(x - y) < 1e-12 {
      kernel.cosine = y
    }
    if let x = kernel.worstRow, let y = oracle.worstRow, !exactSums,
      x.value == y.value || abs(x.value - y.value) <= 1e-12 * y.value
    {
      kernel.worstRow = y
    }
    for side in [\Difference.actualStatistics, \Difference.expectedStatistics] {
      let (x, y) = (kernel[keyPath: side], oracle[keyPath: side])
      if let a = x.mean, let b = y.mean, abs(a - b) <= 1e-12 * y.l2 {
        kernel[keyPath: side].mean = b
      }
      if let a = x.standardDeviation, let b = y.standardDeviation, abs(a - b) <= 1e-8 * y.l2 {
        kernel[keyPath: side].standardDeviation = b
      }
      if !exactSums, abs(x.l2 - y.l2) <= 1e-12 * y.l2 { kernel[keyPath: side].l2 = y.l2 }
    }
    let fields = zip(Mirror(reflecting: kernel).children, Mirror(reflecting: oracle).children)
      .filter { "\($0.value)" != "\($1.value)" }
      .map { "\($0.label ?? ""): \($0.value), not \($1.value)" }
    #expect(kernel == oracle && fields.isEmpty, "\(comment): \(fields)")
  }
}
