internal import CAssayKernels

/// A set of machine instructions that the kernels are compiled for.
///
/// All give the same bits; tests name one, everyone else takes the best.
package enum InstructionSet: Int32, CaseIterable, Sendable {
  case baseline, avx2, avx512

  /// The widest that this machine has.
  package static let best = InstructionSet(rawValue: assay_isa_best()) ?? .baseline

  /// Those that this machine has.
  package static var available: [InstructionSet] {
    allCases.filter { $0.rawValue <= best.rawValue }
  }
}
