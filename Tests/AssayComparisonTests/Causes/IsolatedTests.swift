import AssayComparison
import AssayRuns
import AssayTensors
import Testing

/// Runs whose modules were all given the expected inputs: each module answers for itself.
@Suite struct IsolatedTests {
  private let calls: [Call] = [
    ("m", [("inputs_0", [1]), ("outputs", [4])]),
    ("m.a", [("inputs_0", [1]), ("outputs", [2])]),
    ("m.b", [("inputs_0", [2]), ("outputs", [3])]),
    ("m.c", [("inputs_0", [3]), ("outputs", [4])]),
  ]

  /// The calls with other values where `changes` says so.
  private func compare(_ changes: [String: Float], isIsolated: Bool = true) throws -> RunComparison
  {
    let changed = calls.map { call -> Call in
      (
        call.module,
        call.tensors.map { slot, values in
          (slot, changes["\(call.module) \(slot)"].map { [$0] } ?? values)
        }
      )
    }
    return try compareLive(
      run("A", changed), run("B", calls), .init(.init(), isIsolated: isIsolated))
  }

  @Test func failingOutputsAreTheModulesOwn() throws {
    let comparison = try compare(["m.b outputs": 9])
    #expect(comparison.introduced.map(\.module) == ["m.b"])
    #expect(comparison.firstDivergence?.call.module == "m.b")
    #expect(comparison.module("m.b")?.origin?.cause == .introduced)
    #expect(comparison.module("m.b")?.origin?.growth == nil)
    #expect(comparison.module("m")?.verdict == .match)
  }

  @Test func everyModuleThatFailsIntroducedIt() throws {
    let changes: [String: Float] = ["m.a outputs": 9, "m.b outputs": 9, "m outputs": 9]
    let comparison = try compare(changes)
    #expect(comparison.introduced.map(\.module) == ["m.a", "m.b", "m"])
    // Not isolated, the first would have handed its error to the others.
    let whole = try compare(changes, isIsolated: false)
    #expect(whole.introduced.map(\.module) == ["m.a", "m.b"])
    #expect(whole.module("m")?.origin?.cause == .inherited)
  }

  @Test func failingInputsAreTheCodeAroundThem() throws {
    let comparison = try compare(["m.b inputs_0": 9])
    let origin = try #require(comparison.module("m.b")?.origin)
    #expect(origin.cause == .inherited)
    #expect(origin.inside == nil)
    #expect(origin.growth == nil)
    #expect(origin.birthplace?.description == "inside m, after a, before b")
    #expect(comparison.introduced.isEmpty)
    #expect(comparison.firstDivergence?.tensor.slot.rawValue == "inputs_0")
    #expect(comparison.firstDivergence?.origin == origin)
  }

  @Test func bothAreToldApart() throws {
    let comparison = try compare(["m.b inputs_0": 9, "m.b outputs": 9, "m.c inputs_0": 9])
    let b = try #require(comparison.module("m.b")?.origin)
    #expect(b.cause == .introduced)
    #expect(comparison.firstDivergence?.tensor.slot.rawValue == "outputs")
    // What reaches c is no consequence of b's failure, but made between the two.
    let c = try #require(comparison.module("m.c")?.origin)
    #expect(c.cause == .inherited)
    #expect(c.birthplace?.description == "inside m, after a, before c")
    #expect(comparison.introduced.map(\.module) == ["m.b"])
  }

  @Test func failingInputOfTheOutermostModuleIsTheRoots() throws {
    let comparison = try compare(["m inputs_0": 9])
    #expect(comparison.module("m")?.origin?.cause == .inherited)
    #expect(comparison.module("m")?.origin?.birthplace?.description == "before m")
    #expect(comparison.module("m.a")?.verdict == .match)
  }

  @Test func ownCodeBehindTheLastModuleIsBracketed() throws {
    let origin = try #require(compare(["m outputs": 9]).module("m")?.origin)
    #expect(origin.cause == .introduced)
    #expect(origin.birthplace?.description == "inside m, after c, before its outputs")
  }
}
