import AssayComparison
import AssayReports
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

@Suite struct ChangeListTests {
  private func list(
    _ options: ComparisonOptions = .init(),
    _ body: (inout InMemoryRun, inout InMemoryRun) throws -> Void
  ) throws -> ChangeList {
    var (new, old) = (InMemoryRun(path: "new"), InMemoryRun(path: "old"))
    for module in ["same", "nan"] {
      let tensor = try SmallCase.tensor([1, module == "nan" ? .nan : 2])
      new.add(tensor, module, "outputs")
      old.add(tensor, module, "outputs")
    }
    try body(&new, &old)
    return ChangeList(try RunComparison.compare(actual: new, expected: old, options: options))
  }

  @Test func equalRunsChangeNothing() throws {
    let list = try list { _, _ in }
    #expect(list.isEmpty)
    #expect(list.unchangedCount == 2)
    #expect(list.text == "no changes: 2 tensors as before")
    #expect(list.markdown == "## Changes\n\nno changes: 2 tensors as before.\n")
  }

  @Test func whatIsWithinTheToleranceChangesToo() throws {
    let loose = ComparisonOptions(tolerance: try Tolerance(rtol: 1, atol: 1))
    let list = try list(loose) { new, old in
      new.add(try SmallCase.tensor([2, 4]), "b", "outputs")
      old.add(try SmallCase.tensor([2, 4.5]), "b", "outputs")
    }
    #expect(list.changed.map(\.key.module) == ["b"])
    #expect(list.changed.first?.verdict == .match)
    #expect(
      list.text == """
        tensors: 1 changed, 2 unchanged
        ~ step 0 b outputs on cpu: max_abs 0.5, max_rel 0.111, rel_l2 0.102
        """)
    #expect(
      list.markdown.contains(
        "| 0 | `b` | `outputs` | `cpu` | values | 0.5 | 0.111 | 0.102 | 0.111 | 1048576 |\n"))
  }

  @Test func addedRemovedReshapedAndUnreadableAreListed() throws {
    let list = try list { new, old in
      new.add(try SmallCase.tensor([1, 2]), step: 1, "added", call: 2, "outputs")
      old.add(try SmallCase.tensor([1, 2]), "removed", "outputs")
      new.add(try SmallCase.tensor([1, 2, 3, 4]), "reshaped", "outputs")
      old.add(try SmallCase.tensor([1, 2]), "reshaped", "outputs")
      new.add(try SmallCase.tensor([1, .infinity]), "infinite", "outputs")
      old.add(try SmallCase.tensor([1, 2]), "infinite", "outputs")
      new.add(try SmallCase.tensor([1, 2]), "damaged", "outputs")
      old.add(nil, "damaged", "outputs")
    }
    #expect(!list.isEmpty)
    #expect(
      list.text == """
        tensors: 1 added, 1 removed, 2 changed, 1 unreadable or not recorded, 2 unchanged
        + step 1 added (call 2) outputs on cpu: the expected run has no step 1
        - step 0 removed outputs on cpu: the actual run has no call of removed
        ~ step 0 reshaped outputs on cpu: shape [2, 2] instead of [2, 1]
        ~ step 0 infinite outputs on cpu: max_abs 0, max_rel 0, rel_l2 0, NaN or infinite values \
        at 1 position
        ? step 0 damaged outputs on cpu: expected: old: its bytes are gone
        """)
    for title in ["### Added", "### Removed", "### Changed", "### Unreadable"] {
      #expect(list.markdown.contains(title))
    }
  }

  @Test func longListsAreBounded() throws {
    let list = try list { new, old in
      for i in 0..<300 {
        new.add(try SmallCase.tensor([1, 2]), "m\(i)", "outputs")
        old.add(try SmallCase.tensor([1, 3]), "m\(i)", "outputs")
      }
    }
    #expect(list.changed.count == 300)
    #expect(list.text.split(separator: "\n").count == 12)
    #expect(list.text.hasSuffix("\n~ and 290 more"))
    #expect(list.markdown.hasSuffix("\n100 more are not shown.\n"))
  }

  @Test(arguments: SmallCase.hostileNames)
  func anyNameStaysInItsLine(name: String) throws {
    let list = try list { new, old in
      new.add(try SmallCase.tensor([1, 2]), name, "outputs_\(name)", device: Device(name))
      old.add(try SmallCase.tensor([1, 3]), name, "outputs_\(name)", device: Device(name))
      new.add(nil, "added", "outputs_\(name)", device: Device(name))
    }
    #expect(list.text.split(separator: "\n").count == 3)
    #expect(list.text.utf8.count < 2000)
    let rows = list.markdown.split(separator: "\n").filter { $0.hasPrefix("|") }
    #expect(rows.count == 6)
    #expect(rows.allSatisfy { $0.hasSuffix(" |") })
  }
}
