// The hot loops of Assay, compiled per instruction set and chosen at run time.
//
// Every function gives the same bits under every instruction set: lanes are fixed, reductions
// have a fixed order, and a fused multiply-add is used only where the product is exact.
#ifndef ASSAY_KERNELS_H
#define ASSAY_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum { ASSAY_ISA_BASELINE = 0, ASSAY_ISA_AVX2 = 1, ASSAY_ISA_AVX512 = 2 };

/// The widest instruction set that this machine and build have.
int assay_isa_best(void);

// Conversions. Sources need no alignment. NaNs become quiet and keep their sign and payload.
void assay_f16_to_f32(int isa, const void *source, size_t count, float *target);
void assay_bf16_to_f32(int isa, const void *source, size_t count, float *target);
void assay_f8e4m3fn_to_f32(const void *source, size_t count, float *target);
void assay_f8e5m2_to_f32(const void *source, size_t count, float *target);
void assay_f8e4m3fnuz_to_f32(const void *source, size_t count, float *target);
void assay_f8e5m2fnuz_to_f32(const void *source, size_t count, float *target);
void assay_f8e8m0fnu_to_f32(const void *source, size_t count, float *target);
/// - count: The number of values, two to a byte, the first in its low half.
void assay_f4e2m1fn_to_f32(const void *source, size_t count, float *target);

#define ASSAY_DECLARE_WIDENING(NAME)                                             \
  void assay_##NAME##_to_f32(const void *source, size_t count, float *target);   \
  void assay_##NAME##_to_f64(const void *source, size_t count, double *target);
ASSAY_DECLARE_WIDENING(i8)
ASSAY_DECLARE_WIDENING(i16)
ASSAY_DECLARE_WIDENING(i32)
ASSAY_DECLARE_WIDENING(i64)
ASSAY_DECLARE_WIDENING(u8)
ASSAY_DECLARE_WIDENING(u16)
ASSAY_DECLARE_WIDENING(u32)
ASSAY_DECLARE_WIDENING(u64)
ASSAY_DECLARE_WIDENING(bool)
ASSAY_DECLARE_WIDENING(f64)
ASSAY_DECLARE_WIDENING(f32)
#undef ASSAY_DECLARE_WIDENING

// Rounding to nearest, ties to even; overflow to infinity.
void assay_f32_to_bf16(int isa, const float *source, size_t count, uint16_t *target);
void assay_f32_to_f16(int isa, const float *source, size_t count, uint16_t *target);
/// Replaces each value by the nearest bfloat16 value.
void assay_round_to_bf16(int isa, float *values, size_t count);
/// Replaces each value by the nearest float16 value.
void assay_round_to_f16(int isa, float *values, size_t count);

/// The dtypes that are compared. Floats of up to 32 bits come first: their rule is float32's.
enum {
  ASSAY_F32,
  ASSAY_BF16,
  ASSAY_F16,
  ASSAY_F8E4M3FN,
  ASSAY_F8E5M2,
  ASSAY_F8E4M3FNUZ,
  ASSAY_F8E5M2FNUZ,
  ASSAY_F8E8M0FNU,
  ASSAY_F4E2M1FN,
  ASSAY_F64,
  ASSAY_I8,
  ASSAY_I16,
  ASSAY_I32,
  ASSAY_I64,
  ASSAY_U8,
  ASSAY_U16,
  ASSAY_U32,
  ASSAY_U64,
  ASSAY_BOOL,
  ASSAY_KINDS
};

/// A largest difference; `index` is -1 while there is none.
typedef struct {
  double value;
  int64_t index;
  double actual, expected;
} assay_extreme;

/// Sums over one side's finite elements.
typedef struct {
  uint64_t finite, nan, inf;
  double min, max, sum, squares;
} assay_side;

/// A comparison under way: fill by `assay_comparison_begin`, feed by `assay_comparison_update`.
typedef struct {
  int kind, equal_nan;
  // Values of float32 for the floats of up to 32 bits.
  double rtol, atol;
  uint64_t row_length;
  // Whether a magnitude was met that only exact or scaled arithmetic serves: nothing here holds.
  uint64_t unserved;
  // How many blocks held NaN, infinities or overflowing differences.
  uint64_t blocks_by_element;
  // Where the next element stands.
  uint64_t index, column, row;

  uint64_t mismatched;
  int64_t first_mismatch;
  uint64_t pairs;
  assay_extreme max_abs, max_rel, max_abs_mismatched, max_rel_mismatched;
  // Of an integer the distance itself.
  uint64_t max_ulp;
  int64_t max_ulp_index;
  // The smallest tolerances so far, and whether none can pass.
  double min_rtol, min_atol;
  int no_rtol, no_atol;
  double abs, dd, aa, ee, ae;
  // Of the expected elements in finite pairs.
  double largest_expected;
  double row_dd, row_ee, worst;
  int64_t worst_row;
  uint64_t class_differences;
  int64_t first_class_difference;
  assay_side actual, expected;
} assay_comparison;

void assay_comparison_begin(
    assay_comparison *state, int kind, double rtol, double atol, int equal_nan,
    uint64_t row_length);

/// Feeds the next elements.
///
/// Non-zero float64 magnitudes below 2^-440 or above 2^480 and integers from 2^51 on set
/// `unserved`.
///
/// All calls but the last must bring a multiple of 2,048 elements, so that the blocks, and with
/// them the last bits of the sums, do not depend on how a tensor is cut.
void assay_comparison_update(
    assay_comparison *state, int isa, const void *actual, const void *expected, size_t count);

/// What makes an element small, large or a mask's; values of the elements' dtype.
typedef struct {
  double smallest_normal, large, largest, mask;
} assay_census_limits;

/// Counts of elements by what they are; begin by `assay_census_begin`.
typedef struct {
  uint64_t count, nan, inf, negative_inf, zero, subnormal;
  // Finite ones of at least `large`, of just `largest`, and down to `mask`.
  uint64_t large, largest, masked;
  int64_t first_non_finite, first_large;
  // Of the finite ones.
  double min, max;
} assay_census;

void assay_census_begin(assay_census *state);

/// Counts the next elements, at most 2^31 of them.
void assay_census_f32(
    int isa, const assay_census_limits *limits, const float *values, size_t count,
    assay_census *state);
void assay_census_f64(
    int isa, const assay_census_limits *limits, const double *values, size_t count,
    assay_census *state);

/// The output of the generator splitmix64 at a position, from 0: the finalizer of
/// `seed + (index + 1) * 0x9E3779B97F4A7C15`, modulo 2^64.
uint64_t assay_splitmix64(uint64_t seed, uint64_t index);

/// Adds values with random signs to sums, value by value in order.
///
/// The sign of value i in sum 64 w + b is bit b of splitmix64's output i * words + w: 1 is minus.
///
/// - first: The position of the first value.
/// - sums: 64 * words of them.
void assay_project(
    int isa, uint64_t seed, uint64_t first, const double *values, size_t count, size_t words,
    double *sums);

#endif
