// A stand-in for ONNX Runtime's bindings, which are Objective-C: what the adapter uses, as Swift imports
// objectivec/include/{ort_enums,ort_value}.h of
// github.com/microsoft/onnxruntime-swift-package-manager (1.24.2).
import Foundation

public enum ORTTensorElementDataType: Int32 {
  case undefined, float, int8, uInt8, int32, uInt32, int64, uInt64, string
}

public final class ORTTensorTypeAndShapeInfo: NSObject {
  public var elementType: ORTTensorElementDataType
  public var shape: [NSNumber]

  init(_ elementType: ORTTensorElementDataType, _ shape: [NSNumber]) {
    (self.elementType, self.shape) = (elementType, shape)
  }
}

open class ORTValue: NSObject {
  private let data: NSMutableData
  private let info: ORTTensorTypeAndShapeInfo

  public init(
    tensorData: NSMutableData, elementType: ORTTensorElementDataType, shape: [NSNumber]
  ) throws {
    data = tensorData
    info = ORTTensorTypeAndShapeInfo(elementType, shape)
  }

  open func tensorTypeAndShapeInfo() throws -> ORTTensorTypeAndShapeInfo { info }

  open func tensorData() throws -> NSMutableData { data }
}
