import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// Shapes and dtypes that differ are no errors of values.
@Suite struct FormTests {
  private func tensor(_ values: [Float], _ shape: [Int]) throws -> Tensor {
    try Tensor(values, dtype: .float32, shape: Shape(shape))
  }

  private func run(
    _ path: String, mask: Tensor, down: Float = 3, output: Tensor
  ) throws -> InMemoryRun {
    var run = InMemoryRun(path: path)
    run.begin("layer")
    run.add(try rows([1, 1]), "layer", "inputs_0")
    run.add(mask, "layer", "inputs_mask")
    try run.add([
      ("layer.up", [("inputs_0", [1, 1]), ("outputs", [2, 1])]),
      ("layer.down", [("inputs_0", [2, 1]), ("outputs", [down, 1])]),
    ])
    run.add(output, "layer", "outputs")
    return run
  }

  @Test func maskOfAnotherFormIsNoBirthplace() throws {
    let output = try rows([4, 1])
    let flat = try tensor([1, 0, 1], [1, 1, 1, 3])
    for mask in [
      try tensor([1, 0, 1], [3]),
      try Tensor([true, false, true], dtype: .bool, shape: Shape([1, 1, 1, 3])),
    ] {
      let comparison = try compare(
        run("A", mask: mask, output: output), run("B", mask: flat, output: output))
      let divergence = try #require(comparison.firstDivergence)
      #expect(divergence.call.module == "layer")
      #expect(divergence.tensor.slot.rawValue == "inputs_mask")
      #expect(divergence.origin.cause == .form)
      #expect(divergence.origin.birthplace == nil)
      #expect(comparison.introduced.isEmpty)
      #expect(comparison.firstDifference == nil)
      #expect(comparison.otherInputs == nil)
    }
  }

  @Test func valuesAreNamedBeforeTheFormOfAMask() throws {
    let comparison = try compare(
      run("A", mask: tensor([1, 0], [2]), down: 5, output: rows([6, 1])),
      run("B", mask: tensor([1, 0], [1, 2]), output: rows([4, 1])))
    #expect(comparison.firstDivergence?.call.module == "layer.down")
    #expect(comparison.firstDivergence?.origin.cause == .introduced)
    // What the layer was given was not all compared.
    #expect(comparison.introduced.map(\.module) == ["layer.down"])
  }

  @Test func outputAfterAMaskOfAnotherFormIsUnknown() throws {
    let comparison = try compare(
      run("A", mask: tensor([1, 0], [2]), output: rows([6, 1])),
      run("B", mask: tensor([1, 0], [1, 2]), output: rows([4, 1])))
    let divergence = try #require(comparison.firstDivergence)
    #expect(divergence.call.module == "layer")
    #expect(divergence.tensor.slot.rawValue == "outputs")
    #expect(divergence.origin.cause == .unknown)
    #expect(
      divergence.origin.birthplace?.description
        == "inside layer, after layer.down, before its outputs"
        || divergence.origin.birthplace?.description
          == "inside layer, after down, before its outputs"
    )
  }

  @Test func outputOfAnotherShapeIsForm() throws {
    let mask = try tensor([1, 0], [2])
    let comparison = try compare(
      run("A", mask: mask, output: tensor([4, 1], [2])),
      run("B", mask: mask, output: tensor([4, 1], [1, 2])))
    #expect(comparison.firstDivergence?.origin.cause == .form)
    #expect(comparison.firstDivergence?.origin.birthplace == nil)
    #expect(comparison.module("layer")?.origin?.cause == .form)
    #expect(comparison.introduced.isEmpty)
  }
}
