import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// A float32 tensor of the given rows.
func rows(_ values: [Float]..., device: Device = .cpu) throws -> Tensor {
  let shape = try Shape([values.count, values.first?.count ?? 0])
  return try Tensor(values.flatMap { $0 }, dtype: .float32, shape: shape, device: device)
}

/// What `add` takes beside the run: a call's tensors as slot and single-row values.
typealias Call = (module: String, tensors: [(slot: String, values: [Float])])

/// A run of one step whose calls come in pre-forward order.
func run(_ path: String, step: Int = 0, _ calls: [Call]) throws -> InMemoryRun {
  var run = InMemoryRun(path: path)
  try run.add(step: step, calls)
  return run
}

extension InMemoryRun {
  mutating func add(step: Int = 0, _ calls: [Call]) throws {
    for call in calls {
      begin(step: step, call.module)
      for (slot, values) in call.tensors { add(try rows(values), step: step, call.module, slot) }
    }
  }
}

func compare(
  _ actual: InMemoryRun, _ expected: InMemoryRun, _ options: ComparisonOptions = .init()
) throws -> RunComparison {
  try RunComparison.compare(actual: actual, expected: expected, options: options)
}

extension RunComparison {
  func module(_ name: String, step: Int = 0) -> ModuleResult? {
    steps.first { $0.index == step }?.modules.first { $0.call.module == name }
  }

  func tensor(_ module: String, _ slot: String, step: Int = 0) -> TensorResult? {
    self.module(module, step: step)?.tensors.first { $0.slot.rawValue == slot }
  }
}
