import Assay
import AssayTesting
import AssayTestingSupport
import Foundation
import Testing

// What the samples of "Porting a model" leave to their reader.
private struct Matrix {
  var values: [Float]
  var shape: [Int]

  init(values: [Float], shape: [Int]) { (self.values, self.shape) = (values, shape) }

  init(_ tensor: Tensor) {
    self.init(values: tensor.float32Values(), shape: tensor.shape.dimensions)
  }
}

private func scaled(_ matrix: Matrix, _ factor: Float) -> Matrix {
  Matrix(values: matrix.values.map { $0 * factor }, shape: matrix.shape)
}

private func sum(_ a: Matrix, _ b: Matrix) -> Matrix {
  Matrix(values: zip(a.values, b.values).map(+), shape: a.shape)
}

private func masked(_ matrix: Matrix, by mask: Matrix?) -> Matrix {
  guard let mask else { return matrix }
  return Matrix(values: zip(matrix.values, mask.values).map(*), shape: matrix.shape)
}

// From here on the lines are those of the article.
extension Matrix: TensorConvertible {
  func tensor() throws -> Tensor {
    try Tensor(values, dtype: .float32, shape: Shape(shape))
  }

  func replaced(by tensor: Tensor) throws -> Matrix {
    Matrix(values: tensor.float32Values(), shape: tensor.shape.dimensions)
  }
}

private struct Output: Capturable {
  var logits: Matrix
  var hidden: [Matrix]?
}

private struct Port {
  func callAsFunction(_ image: Matrix, mask: Matrix?, _ probe: Probe) throws -> Output {
    try probe("model", image, Keyword("mask", mask)) { image, mask in
      let (cos, sin) = try probe("rotary", image) { (scaled($0, 2), scaled($0, 3)) }
      let mixed = try probe("attn", image, Tuple(cos, sin), Keyword("mask", mask.value)) {
        image, rotary, mask in
        let (cos, sin) = rotary.items
        return masked(sum(image, sum(cos, sin)), by: mask.value)
      }
      return try probe("head", ["image": mixed]) {
        Output(logits: scaled($0["image"] ?? image, 5), hidden: nil)
      }
    }
  }
}

@Suite struct PortingSampleTests {
  private func replay() throws {
    try assertReplay("port/float32") { probe in
      let port = Port()
      for _ in try 0..<probe.recipe.steps {
        try probe.step {
          let image = try Matrix(probe.input("model"))
          let mask = try Matrix(probe.input("model", "mask"))
          _ = try port(image, mask: mask, probe)
        }
      }
    }
  }

  private func modules() throws {
    try assertModule("port/float32", matching: "^rotary$") { inputs in
      let image = try Matrix(inputs[0])
      return (scaled(image, 2), scaled(image, 3))
    }
    try assertModule("port/float32", matching: "^attn$") { inputs in
      let (image, mask) = (try Matrix(inputs[0]), try Matrix(inputs["mask"]))
      let (cos, sin) = (try Matrix(inputs["1_0"]), try Matrix(inputs["1_1"]))
      return masked(sum(image, sum(cos, sin)), by: mask)
    }
  }

  @Test func theSamplesRunAndHaveTheSlotsThatTheTableSays() throws {
    let playground = try Playground()
    let recipe = Recipe(tokenIDs: [], steps: 1, dtype: "float32", devices: ["cpu"])
    let image = Matrix(values: [1, 2], shape: [1, 2])
    #expect(throws: ReplayTestError.self) {
      _ = try playground.run {
        try verifyReplay("port/float32", recipe: recipe) { probe in
          try probe.step { _ = try Port()(image, mask: image, probe) }
        }
      }
    }
    let golden = try openRun(at: playground.file("port/float32"))
    #expect(
      Set(
        golden.steps[0].calls.flatMap(\.tensors).map { "\($0.key.module) \($0.key.slot.rawValue)" })
        == [
          "model inputs_0", "model inputs_mask", "model outputs_logits", "rotary inputs_0",
          "rotary outputs_0", "rotary outputs_1", "attn inputs_0", "attn inputs_1_0",
          "attn inputs_1_1", "attn inputs_mask", "attn outputs", "head inputs_0_image",
          "head outputs_logits",
        ])
    try playground.run {
      try replay()
      try modules()
    }
  }

  @Test func theLinesAreThoseOfTheArticle() throws {
    let this = URL(filePath: #filePath)
    let article = this.deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
      .appending(path: "Sources/AssayTesting/AssayTesting.docc/PortingAModel.md")
    let samples = try String(contentsOf: article, encoding: .utf8)
      .components(separatedBy: "```swift\n").dropFirst()
      .compactMap { $0.components(separatedBy: "\n```").first }
    #expect(samples.count == 4)
    let source = Set(Self.lines(of: try String(contentsOf: this, encoding: .utf8)))
    #expect(samples.flatMap(Self.lines).filter { !source.contains($0) } == [])
  }

  private static func lines(of text: String) -> [String] {
    text.split(separator: "\n").map {
      let line = $0.trimmingCharacters(in: .whitespaces)
      return line.hasPrefix("private ") ? String(line.dropFirst(8)) : line
    }.filter { !$0.isEmpty }
  }
}
