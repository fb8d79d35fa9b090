import AssayTensors
import Testing

/// What the formats' specifications say; torch.finfo has the same.
@Suite struct FloatFormatTests {
  @Test(
    arguments: [
      (.float64, 0x1p-52, 0x1p-1022, .greatestFiniteMagnitude),
      (.float32, 0x1p-23, 0x1p-126, Double(Float.greatestFiniteMagnitude)),
      (.float16, 0x1p-10, 0x1p-14, 65504), (.bfloat16, 0x1p-7, 0x1p-126, 0x1.FEp127),
      (.float8_e4m3fn, 0.125, 0x1p-6, 448), (.float8_e5m2, 0.25, 0x1p-14, 57344),
      (.float8_e4m3fnuz, 0.125, 0x1p-7, 240), (.float8_e5m2fnuz, 0.25, 0x1p-15, 57344),
      (.float4_e2m1fn_x2, 0.5, 1, 6),
    ] as [(DType, Double, Double, Double)])
  func limitsAreThoseOfTheSpecification(
    dtype: DType, epsilon: Double, smallestNormal: Double, largest: Double
  ) throws {
    let format = try #require(dtype.floatFormat)
    #expect(format.epsilon == epsilon)
    #expect(format.smallestNormal == smallestNormal)
    #expect(format.largest == largest)
  }

  /// The largest of all values that a decoder gives is what the table says.
  @Test func decodersAgreeWithTheTable() throws {
    let decoders: [(DType, (UInt8) -> Float)] = [
      (.float8_e4m3fn, MiniFloat.float8E4M3FN), (.float8_e5m2, MiniFloat.float8E5M2),
      (.float8_e4m3fnuz, MiniFloat.float8E4M3FNUZ), (.float8_e5m2fnuz, MiniFloat.float8E5M2FNUZ),
      (.float4_e2m1fn_x2, MiniFloat.float4E2M1FN),
    ]
    for (dtype, decode) in decoders {
      let values = (UInt8.min...UInt8.max).map(decode).filter(\.isFinite)
      #expect(values.max().map(Double.init) == dtype.floatFormat?.largest, "\(dtype)")
    }
  }

  @Test func everyDTypeButIntegersHasAFormat() {
    for dtype in DType.allCases { #expect((dtype.floatFormat == nil) == dtype.isInteger) }
  }
}
