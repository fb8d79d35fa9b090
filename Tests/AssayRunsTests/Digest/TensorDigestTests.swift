import AssayTensors
import Foundation
import Testing

@testable import AssayRuns

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

  @Test(arguments: TensorKeep.allCases) func whatIsSmallIsKeptWhole(_ keep: TensorKeep) throws {
    for count in [1, 128, 129, 256, 257] {
      let tensor = try Tensor([Float](repeating: 1, count: count), dtype: .float32)
      guard case .skipped(_, let note) = keep.kept(Slot("outputs"), tensor) else {
        #expect(keep == .full || count <= (keep == .digest ? 128 : 256))
        continue
      }
      #expect(keep == .digest && count > 128 || keep == .sample && count > 256)
      #expect((note.digest?.sample != nil) == (keep == .sample))
      #expect(note.shape == tensor.shape && note.dtype == .float32)
    }
  }

  @Test func jsonKeepsEveryDigest() throws {
    for fixture in try DigestFixture.all.get() {
      let tensor = try fixture.tensor()
      for withSample in [false, true] {
        let digest = TensorDigest(of: tensor, seed: fixture.seed, withSample: withSample)
        let text = digest.jsonValue.encoded()
        let value = try JSONValue(decoding: text)
        #expect(
          try TensorDigest(value, dtype: tensor.dtype, shape: tensor.shape) == digest,
          "\(fixture.name)")
      }
    }
  }

  @Test(
    arguments: [
      ("version", .integer(2), "version 2"), ("version", nil, "version"),
      ("seed", .integer(-1), "seed"), ("seed", .string("0"), "seed"),
      ("count", .integer(299), "299 elements, and the tensor has 300"),
      ("sha256", .string("abc"), "sha256"), ("nan", .integer(301), "more NaN"),
      ("nan", .integer(.max), "more NaN"), ("nan", .integer(300), "do not fit"),
      ("min", .null, "do not fit"), ("min", .number(1e30), "no range"),
      ("min", .string("inf"), "no range"), ("l2", .number(-1), "negative"), ("l2", nil, "l2"),
      ("std", .number(-0.5), "negative"), ("mean", .bool(true), "mean"),
      ("projection", .array([.number(1)]), "128 finite"),
      ("projection", .array([JSONValue](repeating: .string("inf"), count: 128)), "128 finite"),
      ("projection", .array([JSONValue](repeating: .number(1e300), count: 128)), "128 finite"),
      ("projection", .string("x"), "projection"), ("sample", .string("!"), "Base64"),
      ("sample", .string("AAAA"), "sample is not of 256"),
    ] as [(String, JSONValue?, String)])
  func contradictionsAreRefused(key: String, value: JSONValue?, reason: String) throws {
    let tensor = try Tensor((0..<300).map(Float.init), dtype: .float32)
    let digest = TensorDigest(of: tensor, withSample: true)
    var members = try #require(digest.jsonValue.members)
    members[key] = value
    let failure = #expect(throws: DigestFailure.self) {
      try TensorDigest(.object(members), dtype: .float32, shape: tensor.shape)
    }
    #expect(failure?.description.contains(reason) == true, "\(failure?.description ?? "")")
  }

  @Test func integersHaveNoProjection() throws {
    let digest = TensorDigest(of: try Tensor(Array(0..<Int64(300)), dtype: .int64))
    #expect(digest.projection == nil)
    let floats = TensorDigest(of: try Tensor((0..<300).map(Float.init), dtype: .float32))
    #expect(throws: DigestFailure.self) {
      try TensorDigest(floats.jsonValue, dtype: .int64, shape: .vector(300))
    }
  }
}
