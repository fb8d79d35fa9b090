package import AssayBase
package import AssayRuns
package import AssayTensors

/// What legitimate runs of one model differ by, module by module.
package struct NoiseFloor: Sendable, Equatable {
  /// One run that was measured.
  package struct Run: Sendable, Equatable {
    /// The directory or file.
    package var path: String
    /// The run's id.
    package var id: String
  }

  /// The largest figures of one side of one module, over all calls, steps, devices and pairs.
  package struct Entry: Sendable, Equatable {
    /// The module.
    package var module: String
    /// Its inputs, its outputs, or its inputs after the forward.
    package var side: Slot.Side
    /// The dtype in the first run.
    package var dtype: DType
    /// How many tensors of the first run it is about.
    package var tensorCount = 0
    /// The relative L2 error.
    package var relativeL2 = 0.0
    /// The relative L2 error of the worst row.
    package var worstRow = 0.0
    /// The largest error over the largest value.
    package var relativeLinf = 0.0
    /// The most NaN elements of one of the tensors, which are NaN in all runs.
    package var nanCount = 0
    /// The most infinite elements of one of the tensors, which are the same in all runs.
    package var infCount = 0
    /// The pair of runs with the largest relative L2 error, by their positions; `nil` where all
    /// are equal.
    package var worstPair: [Int]?

    /// Whether NaN or infinity belongs there.
    package var hasNonFinite: Bool { nanCount > 0 || infCount > 0 }
  }

  /// The runs, the first being the reference.
  package var runs: [Run]
  /// One entry for each module, side and dtype, in the reference's order of execution.
  package var entries: [Entry]

  /// Measures the noise floor.
  ///
  /// - Parameters:
  ///   - runs: At least two legitimate runs of the same model and input, which may differ in threads,
  ///     kernels, machine and dtype; the first is the reference.
  ///   - mapping: By which rules tensors of the other runs pair with the reference's; the entries
  ///     have the reference's names. A rule must do something in one of the runs.
  ///   - modules: Patterns of which a module's name must match one; `nil` for all modules.
  ///   - deviceMap: Devices of the other runs that pair with devices of another name in the
  ///     reference.
  ///   - progress: Called with the number of tensors compared and their total, from any thread.
  /// - Throws: ``ComparisonError/cannotCalibrate(reason:)`` where runs differ by more than values:
  ///   by modules, tensors, shapes or NaN; and what comparing them throws.
  package init(
    measuring runs: [any RunReader], mapping: Mapping? = nil, modules: [ModulePattern]? = nil,
    deviceMap: [(actual: Device, expected: Device)] = [],
    progress: (@Sendable (Int, Int) -> Void)? = nil
  ) throws(ComparisonError) {
    guard runs.count >= 2 else {
      throw .cannotCalibrate(
        reason: "it takes at least two runs, since noise is what they differ by")
    }
    self.runs = runs.map { Run(path: $0.path, id: $0.manifest.id) }
    var options = ComparisonOptions(tolerance: .exact)
    options.detailLimit = 0
    options.tolerance.equalNaN = true
    options.modules = modules
    let common = try CommonNames(runs, mapping, deviceMap)
    var measured = Measured()
    for second in runs.indices {
      for first in 0..<second {
        let work = ComparisonWork(
          common.steps(second, first), actual: runs[second], expected: runs[first],
          mapping: mapping, options: options)
        try measured.add(work.comparison(progress: progress), pair: [first, second])
      }
    }
    entries = measured.order.compactMap { measured.entries[$0] }
  }

  private struct Name: Hashable {
    var module: ExactName
    var side: Slot.Side
    var dtype: DType
  }

  /// The entries while pairs come in; the first pair has the reference in it and sets the order.
  private struct Measured {
    var entries: [Name: Entry] = [:]
    var order: [Name] = []
    private var dtypes: [TensorKey: DType] = [:]

    mutating func add(
      _ comparison: RunComparison, pair: [Int]
    ) throws(ComparisonError) {
      for step in comparison.steps {
        for module in step.modules {
          for tensor in module.tensors { try add(tensor, pair, comparison) }
        }
      }
      if let failure = comparison.failures.first {
        throw .cannotCalibrate(reason: "\(comparison.actual.path): \(failure)")
      }
    }

    private mutating func add(
      _ tensor: TensorResult, _ pair: [Int], _ comparison: RunComparison
    ) throws(ComparisonError) {
      if tensor.verdict == .skipped { return }
      let key = tensor.key
      guard let side = key.slot.side, let difference = tensor.difference, let dtype = tensor.dtype
      else {
        let reason =
          tensor.estimate != nil
          ? "only digests of it were kept, and noise is that of elements"
          : tensor.reason ?? "its elements were not compared"
        throw .cannotCalibrate(
          reason: "\(comparison.actual.path) and \(comparison.expected.path) differ by more than "
            + "values in \(key): \(reason); a mapping pairs what has another name and leaves out "
            + "what not all runs have")
      }
      guard difference.nonFiniteDifferenceCount == 0 else {
        throw .cannotCalibrate(
          reason: "\(comparison.actual.path) and \(comparison.expected.path) have NaN or infinite "
            + "values at other places of \(key)")
      }
      // The rules are for the reference's dtype, which all later pairs are counted under.
      let known = dtypes[key]
      if known == nil { dtypes[key] = dtype }
      let name = Name(module: ExactName(key.module), side: side, dtype: known ?? dtype)
      if entries[name] == nil { order.append(name) }
      var entry =
        entries[name] ?? Entry(module: name.module.text, side: name.side, dtype: name.dtype)
      if known == nil { entry.tensorCount += 1 }
      if difference.elementCount > 0 {
        entry.raise(by: difference, pair)
      }
      entries[name] = entry
    }
  }
}

extension NoiseFloor.Entry {
  fileprivate mutating func raise(by difference: Difference, _ pair: [Int]) {
    nanCount = max(nanCount, difference.expectedStatistics.nanCount)
    infCount = max(infCount, difference.expectedStatistics.infCount)
    // Without a finite pair there are no figures.
    guard let l2 = difference.relativeL2, let linf = difference.relativeLinf else { return }
    if l2 > relativeL2 {
      relativeL2 = l2
      worstPair = pair
    }
    worstRow = max(worstRow, difference.worstRow?.value ?? l2)
    relativeLinf = max(relativeLinf, linf)
  }
}

extension NoiseFloor {
  /// The floor as JSON, schema `assay.floor/1`.
  package var json: JSONValue {
    func json(_ run: Run) -> JSONValue {
      .object(["path": .string(run.path), "run": .string(run.id)])
    }
    return .object([
      "schema": .string("assay.floor/1"),
      "runs": .array(runs.map(json)),
      "modules": .array(
        entries.map { entry in
          .object([
            "module": .string(entry.module), "side": .string(entry.side.rawValue),
            "dtype": .string(entry.dtype.torchName),
            "tensors": .integer(Int64(entry.tensorCount)),
            "rel_l2": JSONValue(real: entry.relativeL2),
            "worst_row": JSONValue(real: entry.worstRow),
            "rel_linf": JSONValue(real: entry.relativeLinf),
            "nan": .integer(Int64(entry.nanCount)), "inf": .integer(Int64(entry.infCount)),
            "worst_pair": entry.worstPair.map { .array($0.map { .integer(Int64($0)) }) } ?? .null,
          ])
        }),
    ])
  }
}
