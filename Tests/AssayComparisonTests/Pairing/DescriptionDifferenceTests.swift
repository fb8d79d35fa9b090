import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

@Suite struct DescriptionDifferenceTests {
  private func compare(_ actual: CapturedValue, _ expected: CapturedValue) throws -> RunComparison {
    var (ours, theirs) = (InMemoryRun(path: "A"), InMemoryRun(path: "B"))
    ours.add(try rows([1, 2]), "m", "outputs")
    theirs.add(try rows([1, 2]), "m", "outputs")
    ours.describe("m", .inputs, actual)
    theirs.describe("m", .inputs, expected)
    return try RunComparison.compare(actual: ours, expected: theirs)
  }

  static let differing: [(CapturedValue, CapturedValue, String)] = [
    (.tuple([.none, .integer(3)]), .tuple([.none, .integer(4)]), "inputs[1] is 3 instead of 4"),
    (.tuple([.bool(true)]), .tuple([.bool(false)]), "inputs[0] is True instead of False"),
    (.tuple([.none]), .tuple([.string("x")]), "inputs[0] is None instead of \"x\""),
    (.tuple([.none]), .tuple([]), "inputs has 1 items instead of 0"),
    (
      .dictionary([("scale", .number(0.5))]), .dictionary([("scale", .number(0.25))]),
      "inputs.scale is 0.5 instead of 0.25"
    ),
    (
      .dictionary([("scale", .number(0.5))]), .dictionary([]),
      "inputs.scale is 0.5 instead of absent"
    ),
    (
      .other(type: "Kernel", representation: "<Kernel of 3 at 0x7f01>"),
      .other(type: "Kernel", representation: "<Kernel of 4 at 0x7f02>"),
      "inputs.string_repr is \"<Kernel of 3 at 0x7f01>\" instead of \"<Kernel of 4 at 0x7f02>\""
    ),
  ]

  @Test(arguments: differing.indices) func anotherArgumentIsNoted(index: Int) throws {
    let (actual, expected, text) = Self.differing[index]
    let comparison = try compare(actual, expected)
    #expect(comparison.isMatch)
    #expect(
      comparison.notes == [
        "1 call has other values than tensors that differ, the first in step 0, m: \(text)"
      ])
  }

  @Test func tensorsAndAddressesAreNotNoted() throws {
    let actual: [CapturedValue] = [
      .tensor(try rows([1, 2])), .other(type: "Kernel", representation: "<Kernel at 0x7f01>"),
    ]
    let expected: [CapturedValue] = [
      .tensor(try rows([3])), .other(type: "Kernel", representation: "<Kernel at 0x8aBC>"),
    ]
    #expect(try compare(.tuple(actual), .tuple(expected)).notes.isEmpty)
  }
}
