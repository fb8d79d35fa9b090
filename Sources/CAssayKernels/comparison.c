#include "comparison.h"

#include <math.h>

static int is_finite(float x) { return fabsf(x) < INFINITY; }
static int is_nan(float x) { return x != x; }

void assay_comparison_begin(
    assay_comparison *state, int kind, float rtol, float atol, int equal_nan, uint64_t row_length) {
  memset(state, 0, sizeof *state);
  state->kind = kind;
  state->rtol = rtol;
  state->atol = atol;
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

static int passes(float d, float e, float rtol, float atol) {
  float scaled = rtol * fabsf(e);
  return d < INFINITY && d <= atol + scaled;
}

static float from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

/// The smallest bound that passes, found among the bit patterns, which stand in order.
static float smallest_bound(float d, float e, float rtol, float atol, int is_rtol, int *none) {
  uint32_t low = 0, high = 0x7f7fffff;
#define PASSES(bits)                                                               \
  (is_rtol ? passes(d, e, from_bits(bits), atol) : passes(d, e, rtol, from_bits(bits)))
  if (!PASSES(high)) {
    *none = 1;
    return 0;
  }
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (PASSES(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
#undef PASSES
  return from_bits(high);
}

static void raise_extreme(assay_extreme *extreme, double value, int64_t index, float a, float e) {
  if (extreme->index >= 0 && !(value > extreme->value)) return;
  extreme->value = value;
  extreme->index = index;
  extreme->actual = a;
  extreme->expected = e;
}

/// Raises the maxima by a finite pair.
///
/// - Returns: Whether the pair matches.
static inline int raise(assay_comparison *s, float a, float e, int32_t ka, int32_t ke, int64_t i) {
  float d = fabsf(a - e);
  double gap = d < INFINITY ? d : fabs((double)a - (double)e);
  double size = fabs((double)e);
  int match = passes(d, e, s->rtol, s->atol);
  raise_extreme(&s->max_abs, gap, i, a, e);
  // Ratios of two float32 values differ by more than float64 rounds: no need to divide to compare.
  if (s->max_rel.index < 0 || gap > s->max_rel.value * size || d == INFINITY)
    raise_extreme(&s->max_rel, gap == 0 ? 0 : gap / size, i, a, e);
  if (!match) {
    raise_extreme(&s->max_abs_mismatched, gap, i, a, e);
    if (s->max_rel_mismatched.index < 0 || gap > s->max_rel_mismatched.value * size ||
        d == INFINITY)
      raise_extreme(&s->max_rel_mismatched, gap / size, i, a, e);
  }
  if (!s->no_rtol && !passes(d, e, s->min_rtol, s->atol))
    s->min_rtol = smallest_bound(d, e, s->rtol, s->atol, 1, &s->no_rtol);
  if (!s->no_atol && !passes(d, e, s->rtol, s->min_atol))
    s->min_atol = smallest_bound(d, e, s->rtol, s->atol, 0, &s->no_atol);
  uint32_t distance = ka > ke ? (uint32_t)ka - (uint32_t)ke : (uint32_t)ke - (uint32_t)ka;
  if (s->kind != ASSAY_F32) distance >>= 16;
  if (s->max_ulp_index < 0 || distance > s->max_ulp) {
    s->max_ulp = distance;
    s->max_ulp_index = i;
  }
  return match;
}

void assay_raise_maxima(
    assay_comparison *state, const assay_block *block, size_t first, size_t count) {
  for (size_t i = first; i < first + count; i++) {
    int64_t index = (int64_t)(state->index + i);
    int match = raise(
        state, block->actual[i], block->expected[i], block->actual_key[i], block->expected_key[i],
        index);
    if (!match && state->first_mismatch < 0) state->first_mismatch = index;
  }
}

static void add_to_side(assay_side *side, float x) {
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
  side->squares += (double)x * x;
}

void assay_feed_elements(assay_comparison *s, const assay_block *block, size_t count) {
  for (size_t i = 0; i < count; i++, s->index++) {
    float a = block->actual[i], e = block->expected[i];
    int match;
    add_to_side(&s->actual, a);
    add_to_side(&s->expected, e);
    if (is_finite(a) && is_finite(e)) {
      float d32 = fabsf(a - e);
      double d = d32 < INFINITY ? d32 : fabs((double)a - (double)e);
      match = raise(s, a, e, block->actual_key[i], block->expected_key[i], (int64_t)s->index);
      s->pairs++;
      s->abs += d;
      s->dd += d * d;
      s->aa += (double)a * a;
      s->ee += (double)e * e;
      s->ae += (double)a * e;
      s->row_dd += d * d;
      s->row_ee += (double)e * e;
      float size = fabsf(e);
      s->largest_expected = size > s->largest_expected ? size : s->largest_expected;
    } else {
      int both_nan = is_nan(a) && is_nan(e);
      if (!(a == e || both_nan)) {
        if (s->first_class_difference < 0) s->first_class_difference = (int64_t)s->index;
        s->class_differences++;
      }
      match = a == e || (s->equal_nan && both_nan);
      if (!match) s->no_rtol = s->no_atol = 1;
    }
    if (!match) {
      if (s->first_mismatch < 0) s->first_mismatch = (int64_t)s->index;
      s->mismatched++;
    }
    if (++s->column == s->row_length) assay_end_row(s);
  }
}

#define SUFFIX baseline
#define TARGET
#define LEVEL 0
#include "comparison_body.h"
#undef SUFFIX
#undef TARGET
#undef LEVEL

#ifdef ASSAY_X86
#define SUFFIX avx2
#define TARGET ASSAY_TARGET_AVX2
#define LEVEL 1
#include "comparison_body.h"
#undef SUFFIX
#undef TARGET
#undef LEVEL

#define SUFFIX avx512
#define TARGET ASSAY_TARGET_AVX512
#define LEVEL 2
#include "comparison_body.h"
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
