import AssayBase
import AssayTensors
import Foundation
import Testing

@testable import AssayRuns

/// What stands in notes and attributes of a digest, and what is kept of which tensor.
@Suite struct DigestFormatTests {
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
    for (seed, tensor) in try DigestTensors.all().enumerated() {
      for withSample in [false, true] {
        let digest = TensorDigest(of: tensor, seed: seed, withSample: withSample)
        let text = digest.jsonValue.encoded()
        let value = try JSONValue(decoding: text)
        #expect(
          try TensorDigest(value, dtype: tensor.dtype, shape: tensor.shape) == digest,
          "\(tensor.dtype)")
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

  @Test func integersMustNotHaveAProjection() throws {
    let floats = TensorDigest(of: try Tensor((0..<300).map(Float.init), dtype: .float32))
    #expect(throws: DigestFailure.self) {
      try TensorDigest(floats.jsonValue, dtype: .int64, shape: .vector(300))
    }
  }
}
