import AssayTesting
import DigitReader
import NDArrays
import PlantedBugs
import XCTest

final class DigitReaderXCTests: XCTestCase {
  /// Every module of both images against PyTorch, as the model runs them one after the other.
  func testWholeModel() throws {
    let model = try digitReader()
    try assertReplay(golden) { probe in
      for _ in try 0..<probe.recipe.steps {
        try probe.step { _ = try model(NDArray(probe.input("patchify")), probe) }
      }
    }
  }

  /// Every module by itself: each is given the golden's inputs, so that no error is inherited.
  func testEachModuleByItself() throws {
    let model = try digitReader()
    try assertReplay(golden, isolated: true) { probe in
      for _ in try 0..<probe.recipe.steps {
        try probe.step { _ = try model(NDArray(probe.input("patchify")), probe) }
      }
    }
  }

  /// One kind of layer, without the model around it: how a port begins.
  func testNormalizations() throws {
    let model = try digitReader()
    try assertModule(golden, matching: #"^blocks\.\d\.norm1$"#) { inputs in
      try model.blocks[inputs.indices[0]].norm1(NDArray(inputs[0]))
    }
  }
}
