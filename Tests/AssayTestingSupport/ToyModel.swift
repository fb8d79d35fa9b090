package import Assay

/// A model of two modules, with the mistakes that a port may have.
package struct ToyModel: Sendable {
  package var factor: Float = 3
  package var steps = 2
  package var hasSecond = true
  package var announces = true
  package var givesNaN = false
  package var dtype = DType.float32

  package init() {}

  /// The model after a change.
  package static func with(_ change: (inout ToyModel) -> Void) -> ToyModel {
    var model = ToyModel()
    change(&model)
    return model
  }

  package static let recipe = Recipe(
    tokenIDs: [1, 2], steps: 2, dtype: "float32", devices: ["cpu"])

  package func run(_ probe: Probe) throws {
    guard announces else { return }
    for step in 0..<steps {
      let input = try Tensor([1, 2, Float(step)], dtype: .float32)
      try probe.step {
        let doubled = try probe("first", input) { try scaled($0, by: 2, .float32) }
        guard hasSecond else { return }
        _ = try probe("second", doubled) {
          try scaled($0, by: givesNaN ? .nan : factor, dtype)
        }
      }
    }
  }

  private func scaled(_ tensor: Tensor, by factor: Float, _ dtype: DType) throws -> Tensor {
    let values = tensor.float32Values().map { $0 * factor }
    return dtype == .float64
      ? try Tensor(values.map(Double.init), dtype: .float64)
      : try Tensor(values, dtype: .float32)
  }
}
