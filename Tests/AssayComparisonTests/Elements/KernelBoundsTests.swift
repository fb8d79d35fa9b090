import CAssayKernels
import Foundation
import Testing

@testable import AssayTensors

/// The kernels beside pages that nobody may touch: what reads or writes beyond the elements ends the
/// tests.
@Suite struct KernelBoundsTests {
  /// The bits of an element of each kind, in the order of the kinds.
  static let widths = [32, 16, 16, 8, 8, 8, 8, 8, 4, 64, 8, 16, 32, 64, 8, 16, 32, 64, 8]
  static let counts = Array(1...34) + [2047, 2048, 2049, 2050, 2065]

  /// Memory whose start or end is at such a page.
  private final class Guarded {
    private let base: UnsafeMutableRawPointer
    private let length: Int
    let bytes: UnsafeMutableRawBufferPointer

    init(_ byteCount: Int, atStart: Bool = false) throws {
      let page = Int(sysconf(Int32(_SC_PAGESIZE)))
      let inner = (byteCount + page - 1) / page * page
      length = inner + 2 * page
      let mapped = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
      base = try #require(mapped == MAP_FAILED ? nil : mapped)
      // Not in #require, which looks at what a pointer points to.
      let isGuarded =
        mprotect(base, page, PROT_NONE) == 0
        && mprotect(base + page + inner, page, PROT_NONE) == 0
      try #require(isGuarded)
      let start = page + (atStart ? 0 : inner - byteCount)
      bytes = UnsafeMutableRawBufferPointer(start: base + start, count: byteCount)
    }

    deinit { munmap(base, length) }

    func values<Value>(_ type: Value.Type) -> UnsafeMutablePointer<Value> {
      bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: type)
    }
  }

  @Test(arguments: InstructionSet.available, [true, false])
  func comparisonsKeepToTheirElements(_ instructions: InstructionSet, _ atStart: Bool) throws {
    try #require(KernelBoundsTests.widths.count == Int(ASSAY_KINDS))
    for (kind, width) in KernelBoundsTests.widths.enumerated() {
      // Elements and rows of half bytes come in pairs.
      for count in KernelBoundsTests.counts where width * count % 8 == 0 {
        let byteCount = count * width / 8
        let a = try Guarded(byteCount, atStart: atStart)
        let e = try Guarded(byteCount, atStart: atStart)
        // In vectors, by elements where something is NaN, and where maxima change.
        for (x, y) in [(UInt8(0), UInt8(0)), (0xFF, 0xFF), (0x10, 0x11)] {
          a.bytes.copyBytes(from: repeatElement(x, count: byteCount))
          e.bytes.copyBytes(from: repeatElement(y, count: byteCount))
          var state = assay_comparison()
          assay_comparison_begin(&state, Int32(kind), 0, 0, 1, 6)
          assay_comparison_update(
            &state, instructions.rawValue, a.bytes.baseAddress, e.bytes.baseAddress, count)
          let isServed = state.unserved == 0
          #expect(!isServed || state.index == UInt64(count), "\(kind) \(count)")
          #expect(!isServed || x != y || state.mismatched == 0, "\(kind) \(count)")
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available, [true, false])
  func conversionsKeepToTheirElements(_ instructions: InstructionSet, _ atStart: Bool) throws {
    let isa = instructions.rawValue
    for count in KernelBoundsTests.counts {
      let half = try Guarded(count * 2, atStart: atStart)
      let single = try Guarded(count * 4, atStart: atStart)
      let (halves, singles) = (half.values(UInt16.self), single.values(Float.self))
      for (widen, narrow, round, two) in [
        (assay_f16_to_f32, assay_f32_to_f16, assay_round_to_f16, UInt16(0x4000)),
        (assay_bf16_to_f32, assay_f32_to_bf16, assay_round_to_bf16, 0x4000),
      ] {
        halves.update(repeating: two, count: count)
        widen(isa, halves, count, singles)
        #expect((0..<count).allSatisfy { singles[$0] == 2 })
        singles.update(repeating: 2 + 0x1p-20, count: count)
        round(isa, singles, count)
        #expect((0..<count).allSatisfy { singles[$0] == 2 })
        halves.update(repeating: 0, count: count)
        narrow(isa, singles, count, halves)
        #expect((0..<count).allSatisfy { halves[$0] == two })
      }
    }
  }

  @Test(arguments: [true, false]) func plainConversionsKeepToTheirElements(_ atStart: Bool) throws {
    let singles = [
      (assay_f8e4m3fn_to_f32, 8), (assay_f8e5m2_to_f32, 8), (assay_f8e4m3fnuz_to_f32, 8),
      (assay_f8e5m2fnuz_to_f32, 8), (assay_f8e8m0fnu_to_f32, 8), (assay_f4e2m1fn_to_f32, 4),
      (assay_i8_to_f32, 8), (assay_i16_to_f32, 16), (assay_i32_to_f32, 32),
      (assay_i64_to_f32, 64), (assay_u8_to_f32, 8), (assay_u16_to_f32, 16),
      (assay_u32_to_f32, 32), (assay_u64_to_f32, 64), (assay_bool_to_f32, 8),
      (assay_f64_to_f32, 64), (assay_f32_to_f32, 32),
    ]
    let doubles = [
      (assay_i8_to_f64, 8), (assay_i16_to_f64, 16), (assay_i32_to_f64, 32),
      (assay_i64_to_f64, 64), (assay_u8_to_f64, 8), (assay_u16_to_f64, 16),
      (assay_u32_to_f64, 32), (assay_u64_to_f64, 64), (assay_bool_to_f64, 8),
      (assay_f64_to_f64, 64), (assay_f32_to_f64, 32),
    ]
    for count in [2, 16, 34] {
      let (single, double) = (
        try Guarded(count * 4, atStart: atStart), try Guarded(count * 8, atStart: atStart)
      )
      for (convert, width) in singles {
        let source = try Guarded(count * width / 8, atStart: atStart)
        single.values(Float.self).update(repeating: 9, count: count)
        convert(source.bytes.baseAddress, count, single.values(Float.self))
        // The scales of blocks have no zero.
        #expect((0..<count).allSatisfy { single.values(Float.self)[$0] <= 0x1p-127 })
      }
      for (convert, width) in doubles {
        let source = try Guarded(count * width / 8, atStart: atStart)
        double.values(Double.self).update(repeating: 9, count: count)
        convert(source.bytes.baseAddress, count, double.values(Double.self))
        #expect((0..<count).allSatisfy { double.values(Double.self)[$0] == 0 })
      }
    }
  }

  /// Sums of as many 1 and -1 are as odd as their number.
  @Test(arguments: InstructionSet.available, [true, false])
  func projectionsAndCensusesKeepToTheirElements(
    _ instructions: InstructionSet, _ atStart: Bool
  ) throws {
    for count in KernelBoundsTests.counts {
      let values = try Guarded(count * 8, atStart: atStart)
      let sums = try Guarded(128 * 8, atStart: atStart)
      let (doubles, words) = (values.values(Double.self), sums.values(Double.self))
      doubles.update(repeating: 1, count: count)
      assay_project(instructions.rawValue, 1, 0, doubles, count, 2, words)
      #expect((0..<128).allSatisfy { abs(Int(words[$0])) % 2 == count % 2 })

      var limits = assay_census_limits(smallest_normal: 0, large: 1, largest: 9, mask: 0)
      var state = assay_census()
      assay_census_begin(&state)
      assay_census_f64(instructions.rawValue, &limits, doubles, count, &state)
      #expect(state.large == UInt64(count) && state.first_large == 0)
      let single = try Guarded(count * 4, atStart: atStart)
      single.values(Float.self).update(repeating: 1, count: count)
      assay_census_begin(&state)
      assay_census_f32(
        instructions.rawValue, &limits, single.values(Float.self), count, &state)
      #expect(state.large == UInt64(count) && state.nan == 0)
    }
  }
}
