import AssayTesting
import DigitReader
import NDArrays
import PlantedBugs
import Testing

struct DigitReaderTests {
  let model: DigitReader

  init() throws {
    model = try digitReader()
  }

  /// Every module of both images against PyTorch, as the model runs them one after the other.
  @Test func wholeModel() throws {
    try assertReplay(golden) { probe in
      for _ in try 0..<probe.recipe.steps {
        try probe.step { _ = try model(NDArray(probe.input("patchify")), probe) }
      }
    }
  }

  /// Every module by itself: each is given the golden's inputs, so that no error is inherited.
  @Test func eachModuleByItself() throws {
    try assertReplay(golden, isolated: true) { probe in
      for _ in try 0..<probe.recipe.steps {
        try probe.step { _ = try model(NDArray(probe.input("patchify")), probe) }
      }
    }
  }

  /// One kind of layer, without the model around it: how a port begins.
  @Test func normalizations() throws {
    try assertModule(golden, matching: #"^blocks\.\d\.norm1$"#) { inputs in
      try model.blocks[inputs.indices[0]].norm1(NDArray(inputs[0]))
    }
  }

  /// The same with a tolerance of its own.
  @Test(.assay(tolerance: .torch)) func activations() throws {
    try assertModule(golden, matching: #"\.mlp\.act$"#) { inputs in
      try model.blocks[inputs.indices[0]].mlp.activation(NDArray(inputs[0]))
    }
  }

  /// What the numbers are for.
  @Test func readsTheDigits() throws {
    var digits: [Int] = []
    _ = try verifyReplay(golden) { probe in
      for _ in try 0..<probe.recipe.steps {
        try probe.step {
          let logits = try model(NDArray(probe.input("patchify")), probe).values
          digits.append(logits.indices.max { logits[$0] < logits[$1] } ?? -1)
        }
      }
    }
    #expect(digits == [7, 2])
  }
}
