import AssayTensors
import Testing

@Suite struct ShapeTests {
  @Test func stridesAreRowMajor() throws {
    #expect(try Shape([2, 3, 4]).contiguousStrides == [12, 4, 1])
    #expect(Shape.scalar.contiguousStrides == [])
    #expect(Shape.scalar.elementCount == 1)
    #expect(try Shape([3, 0, 2]).elementCount == 0)
  }

  @Test(arguments: [[-1], [1 << 40, 1 << 40], [0, 1 << 62, 1 << 62]])
  func impossibleShapesAreRefused(_ dimensions: [Int]) {
    #expect(throws: TensorError.invalidShape(dimensions)) { try Shape(dimensions) }
  }
}
