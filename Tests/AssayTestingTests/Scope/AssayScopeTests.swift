import Assay
import Testing

@testable import AssayTesting

@Suite(.assay(record: .failed, tolerance: .torch)) struct AssayScopeTests {
  @Test func aSuitesTraitReachesItsTests() {
    #expect(AssayScope.current.record == .failed)
    #expect(AssayScope.current.tolerance?.name == Tolerance.torch.name)
  }

  @Test(.assay(record: .never)) func aTestsTraitLeavesTheRestToTheSuite() {
    #expect(AssayScope.current.record == .never)
    #expect(AssayScope.current.tolerance?.name == Tolerance.torch.name)
  }

  @Suite struct Inner {
    @Test func aSuiteInsideHasTheTraitToo() { #expect(AssayScope.current.record == .failed) }
  }

  @Test func aScopeHoldsForItsClosureOnly() {
    withAssay(record: .all) {
      withAssay(tolerance: .vllm) {
        #expect(AssayScope.current.record == .all)
        #expect(AssayScope.current.tolerance?.name == Tolerance.vllm.name)
      }
    }
    #expect(AssayScope.current.record == .failed)
  }

  @Test func anAsynchronousScopeHoldsAcrossSuspension() async {
    await withAssay(record: .all) {
      await Task.yield()
      #expect(AssayScope.current.record == .all)
      await Task { #expect(AssayScope.current.record == .all) }.value
    }
    #expect(AssayScope.current.record == .failed)
  }
}
