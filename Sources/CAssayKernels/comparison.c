#include "comparison.h"

#include <math.h>

void assay_comparison_begin(
    assay_comparison *state, int kind, double rtol, double atol, int equal_nan,
    uint64_t row_length) {
  memset(state, 0, sizeof *state);
  state->kind = kind;
  // No tolerance makes two Booleans alike.
  state->rtol = kind == ASSAY_BOOL ? 0 : rtol;
  state->atol = kind == ASSAY_BOOL ? 0 : atol;
  state->equal_nan = equal_nan;
  state->row_length = row_length;
  state->first_mismatch = state->first_class_difference = -1;
  state->max_abs.index = state->max_rel.index = -1;
  state->max_abs_mismatched.index = state->max_rel_mismatched.index = -1;
  state->max_ulp_index = state->worst_row = -1;
  state->actual.min = state->expected.min = INFINITY;
  state->actual.max = state->expected.max = -INFINITY;
}

void assay_end_row(assay_comparison *state) {
  double value = state->row_dd == 0 ? 0 : sqrt(state->row_dd) / sqrt(state->row_ee);
  if (state->worst_row < 0 || value > state->worst) {
    state->worst = value;
    state->worst_row = (int64_t)state->row;
  }
  state->row++;
  state->column = 0;
  state->row_dd = state->row_ee = 0;
}

static int is_finite(double x) { return fabs(x) < INFINITY; }
static int is_nan(double x) { return x != x; }
static int is_small_float(const assay_comparison *s) { return s->kind < ASSAY_F64; }

/// `|a - e|` in the arithmetic of the rule.
static double distance(const assay_comparison *s, double a, double e) {
  return is_small_float(s) ? (double)fabsf((float)a - (float)e) : fabs(a - e);
}

/// The difference of integers below 2^51 is exact in float64, and a whole number meets a bound as
/// it meets the bound's whole part.
static int passes(const assay_comparison *s, double d, double e, double rtol, double atol) {
  if (!is_small_float(s)) {
    double scaled = rtol * fabs(e);
    return d < INFINITY && d <= atol + scaled;
  }
  float scaled = (float)rtol * fabsf((float)e);
  return d < INFINITY && (float)d <= (float)atol + scaled;
}

static double from_bits(const assay_comparison *s, uint64_t bits) {
  if (!is_small_float(s)) {
    double value;
    memcpy(&value, &bits, 8);
    return value;
  }
  uint32_t half = (uint32_t)bits;
  float value;
  memcpy(&value, &half, 4);
  return value;
}

/// The smallest bound that passes, found among the bit patterns, which stand in order.
static double smallest_bound(const assay_comparison *s, double d, double e, int is_rtol, int *none) {
  uint64_t low = 0, high = is_small_float(s) ? 0x7f7fffff : UINT64_C(0x7fefffffffffffff);
#define PASSES(bits)                                       \
  (is_rtol ? passes(s, d, e, from_bits(s, bits), s->atol)  \
           : passes(s, d, e, s->rtol, from_bits(s, bits)))
  if (s->kind == ASSAY_BOOL || !PASSES(high)) {
    *none = 1;
    return 0;
  }
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    if (PASSES(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
#undef PASSES
  return from_bits(s, high);
}

static void raise_extreme(
    assay_extreme *extreme, double value, int64_t index, double a, double e) {
  if (extreme->index >= 0 && !(value > extreme->value)) return;
  extreme->value = value;
  extreme->index = index;
  extreme->actual = a;
  extreme->expected = e;
}

/// Raises the maxima by a finite pair.
///
/// - Returns: Whether the pair matches.
static inline int raise(assay_comparison *s, double a, double e, uint64_t ulp, int64_t i) {
  double d = distance(s, a, e);
  double gap = d < INFINITY ? d : fabs(a - e);
  double relative = gap == 0 ? 0 : gap / fabs(e);
  int match = passes(s, d, e, s->rtol, s->atol);
  raise_extreme(&s->max_abs, gap, i, a, e);
  raise_extreme(&s->max_rel, relative, i, a, e);
  if (!match) {
    raise_extreme(&s->max_abs_mismatched, gap, i, a, e);
    raise_extreme(&s->max_rel_mismatched, relative, i, a, e);
    if (s->first_mismatch < 0) s->first_mismatch = i;
  }
  if (!s->no_rtol && !passes(s, d, e, s->min_rtol, s->atol))
    s->min_rtol = smallest_bound(s, d, e, 1, &s->no_rtol);
  if (!s->no_atol && !passes(s, d, e, s->rtol, s->min_atol))
    s->min_atol = smallest_bound(s, d, e, 0, &s->no_atol);
  if (s->max_ulp_index < 0 || ulp > s->max_ulp) {
    s->max_ulp = ulp;
    s->max_ulp_index = i;
  }
  return match;
}

static uint64_t block_ulp(const assay_comparison *s, const assay_block *block, size_t i) {
  int32_t a = block->actual_key[i], e = block->expected_key[i];
  uint32_t apart = a > e ? (uint32_t)a - (uint32_t)e : (uint32_t)e - (uint32_t)a;
  return apart >> assay_key_shift(s->kind);
}

/// The place of a float64 in the order of values, both zeros being 0.
static int64_t wide_key(double x) {
  int64_t bits;
  memcpy(&bits, &x, 8);
  return bits < 0 ? -(bits & INT64_MAX) : bits;
}

static uint64_t wide_ulp(const assay_comparison *s, double a, double e) {
  if (s->kind != ASSAY_F64) return (uint64_t)fabs(a - e);
  int64_t x = wide_key(a), y = wide_key(e);
  return x > y ? (uint64_t)x - (uint64_t)y : (uint64_t)y - (uint64_t)x;
}

void assay_raise_maxima(
    assay_comparison *state, const assay_block *block, size_t first, size_t count) {
  for (size_t i = first; i < first + count; i++)
    raise(
        state, block->actual[i], block->expected[i], block_ulp(state, block, i),
        (int64_t)(state->index + i));
}

void assay_raise_wide(
    assay_comparison *state, const double *actual, const double *expected, int64_t index,
    size_t count) {
  for (size_t i = 0; i < count; i++)
    raise(
        state, actual[i], expected[i], wide_ulp(state, actual[i], expected[i]),
        index + (int64_t)i);
}

static void add_to_side(assay_side *side, double x) {
  if (!is_finite(x)) {
    if (is_nan(x)) {
      side->nan++;
    } else {
      side->inf++;
    }
    return;
  }
  side->finite++;
  side->min = x < side->min ? x : side->min;
  side->max = x > side->max ? x : side->max;
  side->sum += x;
  side->squares += x * x;
}

static inline void feed(assay_comparison *s, double a, double e, uint64_t ulp) {
  int match;
  add_to_side(&s->actual, a);
  add_to_side(&s->expected, e);
  if (is_finite(a) && is_finite(e)) {
    double near = distance(s, a, e), d = near < INFINITY ? near : fabs(a - e);
    match = raise(s, a, e, ulp, (int64_t)s->index);
    s->pairs++;
    s->abs += d;
    s->dd += d * d;
    s->aa += a * a;
    s->ee += e * e;
    s->ae += a * e;
    s->row_dd += d * d;
    s->row_ee += e * e;
    double size = fabs(e);
    s->largest_expected = size > s->largest_expected ? size : s->largest_expected;
  } else {
    int both_nan = is_nan(a) && is_nan(e);
    if (!(a == e || both_nan)) {
      if (s->first_class_difference < 0) s->first_class_difference = (int64_t)s->index;
      s->class_differences++;
    }
    match = a == e || (s->equal_nan && both_nan);
    if (!match) {
      s->no_rtol = s->no_atol = 1;
      if (s->first_mismatch < 0) s->first_mismatch = (int64_t)s->index;
    }
  }
  s->mismatched += !match;
  s->index++;
  if (++s->column == s->row_length) assay_end_row(s);
}

void assay_feed_elements(assay_comparison *state, const assay_block *block, size_t count) {
  state->blocks_by_element++;
  for (size_t i = 0; i < count; i++)
    feed(state, block->actual[i], block->expected[i], block_ulp(state, block, i));
}

static int is_served(double x) {
  double size = fabs(x);
  return x == 0 || !is_finite(x) || (size >= ASSAY_SMALLEST && size <= ASSAY_LARGEST);
}

void assay_feed_wide(
    assay_comparison *state, const char *actual, const char *expected, size_t count) {
  state->blocks_by_element++;
  for (size_t i = 0; i < count; i++) {
    double a, e;
    memcpy(&a, actual + i * 8, 8);
    memcpy(&e, expected + i * 8, 8);
    if (!is_served(a) || !is_served(e)) {
      state->unserved = 1;
      return;
    }
    feed(state, a, e, wide_ulp(state, a, e));
  }
}

#define SUFFIX baseline
#define TARGET
#define LEVEL 0
#include "comparison_levels.h"
#undef SUFFIX
#undef TARGET
#undef LEVEL

#ifdef ASSAY_X86
#define SUFFIX avx2
#define TARGET ASSAY_TARGET_AVX2
#define LEVEL 1
#include "comparison_levels.h"
#undef SUFFIX
#undef TARGET
#undef LEVEL

#define SUFFIX avx512
#define TARGET ASSAY_TARGET_AVX512
#define LEVEL 2
#include "comparison_levels.h"
#undef SUFFIX
#undef TARGET
#undef LEVEL
#endif

void assay_comparison_update(
    assay_comparison *state, int isa, const void *actual, const void *expected, size_t count) {
  switch (isa) {
#ifdef ASSAY_X86
  case ASSAY_ISA_AVX512: update_avx512(state, actual, expected, count); break;
  case ASSAY_ISA_AVX2: update_avx2(state, actual, expected, count); break;
#endif
  default: update_baseline(state, actual, expected, count);
  }
}
