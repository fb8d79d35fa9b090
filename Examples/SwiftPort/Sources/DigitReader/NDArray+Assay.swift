import Assay
import NDArrays

// All that Assay needs to know of an array class. For one of another package write
// `extension NDArray: @retroactive TensorConvertible` and `@retroactive Capturable`.
extension NDArray: TensorConvertible {
  public convenience init(_ tensor: Tensor) {
    self.init(shape: tensor.shape.dimensions, values: tensor.float32Values())
  }

  public func tensor() throws -> Tensor {
    try Tensor(values, dtype: .float32, shape: Shape(shape))
  }

  public func replaced(by tensor: Tensor) throws -> NDArray { NDArray(tensor) }
}
