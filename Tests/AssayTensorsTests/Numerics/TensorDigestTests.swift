import AssayBase
import Foundation
import Testing

@testable import AssayTensors

@Suite struct TensorDigestTests {
  @Test func figuresProjectionAndSampleAreNumpys() throws {
    let cases = try DigestFixture.all.get()
    #expect(cases.count == 16)
    for fixture in cases {
      let digest = TensorDigest(of: try fixture.tensor(), seed: fixture.seed, withSample: true)
      let statistics = digest.statistics
      let name = Comment(rawValue: fixture.name)
      #expect(digest.sha256 == fixture.sha256, name)
      #expect(statistics.nanCount == fixture.nan && statistics.infCount == fixture.inf, name)
      #expect(statistics.min == fixture.min && statistics.max == fixture.max, name)
      for (ours, theirs) in [
        (statistics.mean, fixture.mean), (statistics.standardDeviation, fixture.std),
        (statistics.l2, fixture.l2 ?? 0),
      ] {
        guard let ours, let theirs else {
          #expect(ours == nil && theirs == nil, name)
          continue
        }
        #expect((ours - theirs).magnitude <= 1e-13 * (fixture.l2 ?? 0), name)
      }
      #expect(digest.projection == fixture.projection, name)
      #expect(digest.sample == fixture.sample.map(DigestFixture.bytes), name)
      if let positions = fixture.positions {
        #expect(
          TensorDigest.samplePositions(
            elementCount: statistics.elementCount, seed: fixture.seed) == positions, name)
      }
    }
  }

  @Test func viewsHaveTheDigestOfTheirElements() throws {
    let values = (0..<20_000).map { Float($0 % 977) * 0.31 - 77 }
    let storage = values.withUnsafeBytes { Storage(copying: $0) }
    let view = try Tensor(
      storage: storage, dtype: .float32, shape: Shape([100, 200]), strides: [1, 100])
    let copy = try Tensor(view.float32Values(), dtype: .float32, shape: view.shape)
    #expect(
      TensorDigest(of: view, withSample: true) == TensorDigest(of: copy, withSample: true))
  }

  @Test func samplesTakeOneElementOfEachRun() {
    for count in [0, 1, 256, 257, 1000, Int.max / 2] {
      let positions = TensorDigest.samplePositions(elementCount: count, seed: 11)
      #expect(positions.count == min(count, 256))
      #expect(zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 })
      #expect(positions.allSatisfy { (0..<count).contains($0) })
    }
  }

  @Test func integersHaveNoProjection() throws {
    let digest = TensorDigest(of: try Tensor(Array(0..<Int64(300)), dtype: .int64))
    #expect(digest.projection == nil)
  }
}
