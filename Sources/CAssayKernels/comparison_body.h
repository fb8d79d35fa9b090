// The fused comparison for one instruction set; included once for each with SUFFIX, TARGET, LEVEL.
//
// Sixteen float32 lanes whatever the registers' width. Products of float32 values are exact in
// float64, so a fused multiply-add into the sums rounds as a multiplication and an addition do.

#define INLINE static inline __attribute__((always_inline)) TARGET

#if LEVEL >= 1
#define ADD_PRODUCT(x, y, sum) __builtin_elementwise_fma(x, y, sum)
#else
#define ADD_PRODUCT(x, y, sum) ((x) * (y) + (sum))
#endif

#include "conversion_vectors.h"

/// Sixteen float64 lanes.
typedef struct {
  f64x8 low, high;
} NAMED(wide);

typedef struct {
  u32x16 mismatched, ulp;
  i32x16 candidates;
  i64x8 ratio_candidates;
  f32x16 gap, gap_mismatched, actual_min, actual_max, expected_min, expected_max;
  NAMED(wide) abs, ae, aa, actual, expected;
} NAMED(totals);

/// What an element must exceed to change a maximum.
typedef struct {
  float min_rtol, atol, min_atol;
  double ratio, ratio_mismatched;
} NAMED(screens);

INLINE NAMED(wide) NAMED(widen)(f32x16 x) {
  NAMED(wide) result = {
      __builtin_convertvector(x.lo, f64x8), __builtin_convertvector(x.hi, f64x8)};
  return result;
}

INLINE void NAMED(add)(NAMED(wide) * sum, NAMED(wide) x) {
  sum->low += x.low;
  sum->high += x.high;
}

INLINE void NAMED(add_product)(NAMED(wide) * sum, NAMED(wide) x, NAMED(wide) y) {
  sum->low = ADD_PRODUCT(x.low, y.low, sum->low);
  sum->high = ADD_PRODUCT(x.high, y.high, sum->high);
}

/// The lanes' sum in a fixed order.
INLINE double NAMED(sum)(NAMED(wide) x) {
  f64x8 eight = x.low + x.high;
  double __attribute__((ext_vector_type(4))) four = eight.lo + eight.hi;
  double __attribute__((ext_vector_type(2))) two = four.lo + four.hi;
  return two.x + two.y;
}

INLINE f32x16 NAMED(larger)(f32x16 a, f32x16 b) { return a > b ? a : b; }
INLINE f32x16 NAMED(smaller)(f32x16 a, f32x16 b) { return a < b ? a : b; }

INLINE float NAMED(largest)(f32x16 x) {
  float lanes[16], result;
  memcpy(lanes, &x, sizeof lanes);
  result = lanes[0];
  for (int i = 1; i < 16; i++) result = lanes[i] > result ? lanes[i] : result;
  return result;
}

INLINE i32x16 NAMED(key)(u32x16 bits) {
  i32x16 sign = (i32x16)bits >> 31;
  return (((i32x16)bits & 0x7fffffff) ^ sign) - sign;
}

INLINE f32x16 NAMED(decode)(const void *source, size_t count, int kind, i32x16 *key) {
  if (kind == ASSAY_F32) {
    f32x16 value = 0;
    memcpy(&value, source, count == 16 ? 64 : count * 4);
    *key = NAMED(key)((u32x16)value);
    return value;
  }
  u16x16 bits = 0;
  memcpy(&bits, source, count == 16 ? 32 : count * 2);
  f32x16 value = kind == ASSAY_BF16 ? NAMED(widen_bf16)(bits) : NAMED(widen_f16)(bits);
  // In the order's upper half, so that the same steps serve; the distance is shifted down at last.
  *key = NAMED(key)(__builtin_convertvector(bits, u32x16) << 16);
  return value;
}

/// Takes up to 16 elements of one row in; lanes beyond `count` hold zeros, which change no sum.
INLINE void NAMED(step)(
    const assay_comparison *state, const NAMED(screens) * screens, int kind, const void *actual,
    const void *expected, size_t count, NAMED(totals) * t, NAMED(wide) * dd, NAMED(wide) * ee) {
  i32x16 actual_key, expected_key;
  f32x16 a = NAMED(decode)(actual, count, kind, &actual_key);
  f32x16 e = NAMED(decode)(expected, count, kind, &expected_key);
  f32x16 d = (f32x16)((u32x16)(a - e) & 0x7fffffffu);
  f32x16 size = (f32x16)((u32x16)e & 0x7fffffffu);

  f32x16 scaled = state->rtol * size;
  f32x16 bound = state->atol + scaled;
  i32x16 mismatched = d > bound;
  t->mismatched -= (u32x16)mismatched;
  f32x16 rtol_scaled = screens->min_rtol * size;
  f32x16 rtol_bound = screens->atol + rtol_scaled;
  f32x16 atol_bound = screens->min_atol + scaled;
  i32x16 candidates = (d > rtol_bound) | (d > atol_bound);
  t->candidates |= candidates;

  t->gap = NAMED(larger)(d, t->gap);
  t->gap_mismatched = NAMED(larger)((f32x16)((i32x16)d & mismatched), t->gap_mismatched);
  u32x16 distance = (u32x16)__builtin_elementwise_max(actual_key, expected_key) -
                    (u32x16)__builtin_elementwise_min(actual_key, expected_key);
  t->ulp = __builtin_elementwise_max(distance, t->ulp);
  if (count == 16) {
    t->actual_min = NAMED(smaller)(a, t->actual_min);
    t->actual_max = NAMED(larger)(a, t->actual_max);
    t->expected_min = NAMED(smaller)(e, t->expected_min);
    t->expected_max = NAMED(larger)(e, t->expected_max);
  } else {
    const i32x16 lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    i32x16 valid = lanes < (int32_t)count;
    t->actual_min = valid ? NAMED(smaller)(a, t->actual_min) : t->actual_min;
    t->actual_max = valid ? NAMED(larger)(a, t->actual_max) : t->actual_max;
    t->expected_min = valid ? NAMED(smaller)(e, t->expected_min) : t->expected_min;
    t->expected_max = valid ? NAMED(larger)(e, t->expected_max) : t->expected_max;
  }

  NAMED(wide) wa = NAMED(widen)(a), we = NAMED(widen)(e), wd = NAMED(widen)(d);
  // In float64, where no two ratios of float32 values look alike: in the narrow formats many pairs
  // have the largest ratio exactly, and none but the first deserves another look.
  NAMED(wide) ws = NAMED(widen)(size);
  t->ratio_candidates |= (wd.low > screens->ratio * ws.low) | (wd.high > screens->ratio * ws.high);
  t->ratio_candidates |= (wd.low > screens->ratio_mismatched * ws.low) &
                         __builtin_convertvector(mismatched.lo, i64x8);
  t->ratio_candidates |= (wd.high > screens->ratio_mismatched * ws.high) &
                         __builtin_convertvector(mismatched.hi, i64x8);

  NAMED(add)(&t->abs, wd);
  NAMED(add)(&t->actual, wa);
  NAMED(add)(&t->expected, we);
  NAMED(add_product)(dd, wd, wd);
  NAMED(add_product)(ee, we, we);
  NAMED(add_product)(&t->aa, wa, wa);
  NAMED(add_product)(&t->ae, wa, we);
}

INLINE void NAMED(load_block)(
    int kind, const char *actual, const char *expected, size_t count, assay_block *block) {
  size_t size = kind == ASSAY_F32 ? 4 : 2;
  for (size_t i = 0; i < count; i += 16) {
    size_t part = count - i < 16 ? count - i : 16;
    i32x16 key;
    f32x16 value = NAMED(decode)(actual + i * size, part, kind, &key);
    memcpy(block->actual + i, &value, 64);
    memcpy(block->actual_key + i, &key, 64);
    value = NAMED(decode)(expected + i * size, part, kind, &key);
    memcpy(block->expected + i, &value, 64);
    memcpy(block->expected_key + i, &key, 64);
  }
}

/// Whether one of 16 finite pairs changes a maximum or is the first mismatch.
INLINE int NAMED(changes)(const assay_comparison *s, const assay_block *block, size_t i) {
  const float infinity = __builtin_inff();
  f32x16 a, e;
  i32x16 actual_key, expected_key;
  memcpy(&a, block->actual + i, 64);
  memcpy(&e, block->expected + i, 64);
  memcpy(&actual_key, block->actual_key + i, 64);
  memcpy(&expected_key, block->expected_key + i, 64);
  f32x16 d = (f32x16)((u32x16)(a - e) & 0x7fffffffu);
  f32x16 size = (f32x16)((u32x16)e & 0x7fffffffu);
  f32x16 scaled = s->rtol * size;
  f32x16 bound = s->atol + scaled;
  f32x16 rtol_scaled = (s->no_rtol ? 0 : s->min_rtol) * size;
  f32x16 rtol_bound = (s->no_rtol ? infinity : s->atol) + rtol_scaled;
  f32x16 atol_bound = (s->no_atol ? infinity : s->min_atol) + scaled;
  i32x16 mismatched = ~(d <= bound);
  i32x16 found = ~(d <= rtol_bound) | ~(d <= atol_bound) | (d > (float)s->max_abs.value);
  found |= mismatched & (d > (float)s->max_abs_mismatched.value);
  u32x16 distance = (u32x16)__builtin_elementwise_max(actual_key, expected_key) -
                    (u32x16)__builtin_elementwise_min(actual_key, expected_key);
  if (s->kind != ASSAY_F32) distance >>= 16;
  found |= (i32x16)(distance > s->max_ulp);
  if (s->first_mismatch < 0 || s->max_abs_mismatched.index < 0) found |= mismatched;
  const double ratio = s->max_rel.value, ratio_mismatched = s->max_rel_mismatched.value;
  NAMED(wide) wd = NAMED(widen)(d), ws = NAMED(widen)(size);
  i64x8 ratios = (wd.low > ratio * ws.low) | (wd.high > ratio * ws.high);
  ratios |= (wd.low > ratio_mismatched * ws.low) & __builtin_convertvector(mismatched.lo, i64x8);
  ratios |= (wd.high > ratio_mismatched * ws.high) & __builtin_convertvector(mismatched.hi, i64x8);
  found |= (i32x16)ratios;
  return __builtin_reduce_or(found) != 0;
}

/// Raises the maxima by a finite block: element by element only where one changes.
INLINE void NAMED(raise_maxima)(assay_comparison *state, const assay_block *block, size_t count) {
  for (size_t i = 0; i < count; i += 16) {
    size_t part = count - i < 16 ? count - i : 16;
    if (part < 16 || state->max_abs.index < 0 || NAMED(changes)(state, block, i))
      assay_raise_maxima(state, block, i, part);
  }
}

INLINE void NAMED(block)(
    assay_comparison *state, int kind, const char *actual, const char *expected, size_t count) {
  const size_t size = kind == ASSAY_F32 ? 4 : 2;
  const assay_comparison before = *state;
  const float infinity = __builtin_inff();
  const NAMED(screens) screens = {
      state->no_rtol ? 0 : state->min_rtol,
      state->no_rtol ? infinity : state->atol,
      state->no_atol ? infinity : state->min_atol,
      // Above the rounding of a product, far below the distance of two ratios.
      state->max_rel.value * (1 + 0x1p-51),
      state->max_rel_mismatched.value * (1 + 0x1p-51),
  };
  NAMED(totals) t = {0};
  t.actual_min = t.expected_min = infinity;
  t.actual_max = t.expected_max = -infinity;
  double dd = 0, ee = 0;

  size_t done = 0;
  while (done < count) {
    // What the block holds of one row.
    size_t rest = state->row_length - state->column;
    size_t length = count - done < rest ? count - done : rest;
    NAMED(wide) row_dd = {0}, row_ee = {0};
    const char *a = actual + done * size, *e = expected + done * size;
    size_t i = 0;
    for (; i + 16 <= length; i += 16)
      NAMED(step)(state, &screens, kind, a + i * size, e + i * size, 16, &t, &row_dd, &row_ee);
    if (i < length)
      NAMED(step)
      (state, &screens, kind, a + i * size, e + i * size, length - i, &t, &row_dd, &row_ee);
    double part_dd = NAMED(sum)(row_dd), part_ee = NAMED(sum)(row_ee);
    dd += part_dd;
    ee += part_ee;
    state->row_dd += part_dd;
    state->row_ee += part_ee;
    state->column += length;
    if (state->column == state->row_length) assay_end_row(state);
    done += length;
  }

  double aa = NAMED(sum)(t.aa);
  float gap = NAMED(largest)(t.gap);
  // Squares of finite float32 values cannot overflow a float64 sum: only NaN and infinities do.
  if (!(aa < __builtin_inf() && ee < __builtin_inf() && gap < infinity)) {
    *state = before;
    assay_block block;
    NAMED(load_block)(kind, actual, expected, count, &block);
    assay_feed_elements(state, &block, count);
    return;
  }

  float gap_mismatched = NAMED(largest)(t.gap_mismatched);
  uint32_t mismatched = 0, ulp = 0, candidates = 0;
  for (int i = 0; i < 16; i++) {
    mismatched += t.mismatched[i];
    candidates |= (uint32_t)t.candidates[i] | (uint32_t)t.ratio_candidates[i & 7];
    ulp = t.ulp[i] > ulp ? t.ulp[i] : ulp;
  }
  if (kind != ASSAY_F32) ulp >>= 16;
  int first = state->max_abs.index < 0 || (mismatched && state->max_abs_mismatched.index < 0);
  if (first || candidates || gap > state->max_abs.value ||
      gap_mismatched > state->max_abs_mismatched.value || ulp > state->max_ulp) {
    assay_block block;
    NAMED(load_block)(kind, actual, expected, count, &block);
    NAMED(raise_maxima)(state, &block, count);
  }

  double ae = NAMED(sum)(t.ae);
  state->mismatched += mismatched;
  state->pairs += count;
  state->abs += NAMED(sum)(t.abs);
  state->dd += dd;
  state->aa += aa;
  state->ee += ee;
  state->ae += ae;
  state->actual.finite += count;
  state->actual.sum += NAMED(sum)(t.actual);
  state->actual.squares += aa;
  state->expected.finite += count;
  state->expected.sum += NAMED(sum)(t.expected);
  state->expected.squares += ee;
  float low = -NAMED(largest)(-t.actual_min), high = NAMED(largest)(t.actual_max);
  state->actual.min = low < state->actual.min ? low : state->actual.min;
  state->actual.max = high > state->actual.max ? high : state->actual.max;
  low = -NAMED(largest)(-t.expected_min), high = NAMED(largest)(t.expected_max);
  state->expected.min = low < state->expected.min ? low : state->expected.min;
  state->expected.max = high > state->expected.max ? high : state->expected.max;
  float largest = -low > high ? -low : high;
  state->largest_expected =
      largest > state->largest_expected ? largest : state->largest_expected;
  state->index += count;
}

#define UPDATE(NAME, KIND, SIZE)                                                            \
  TARGET static void NAMED(NAME)(                                                           \
      assay_comparison * state, const char *actual, const char *expected, size_t count) {   \
    for (size_t i = 0; i < count; i += ASSAY_BLOCK) {                                       \
      size_t part = count - i < ASSAY_BLOCK ? count - i : ASSAY_BLOCK;                      \
      NAMED(block)(state, KIND, actual + i * (SIZE), expected + i * (SIZE), part);          \
    }                                                                                       \
  }
UPDATE(update_f32, ASSAY_F32, 4)
UPDATE(update_bf16, ASSAY_BF16, 2)
UPDATE(update_f16, ASSAY_F16, 2)

TARGET static void NAMED(update)(
    assay_comparison *state, const char *actual, const char *expected, size_t count) {
  switch (state->kind) {
  case ASSAY_F32: NAMED(update_f32)(state, actual, expected, count); break;
  case ASSAY_BF16: NAMED(update_bf16)(state, actual, expected, count); break;
  default: NAMED(update_f16)(state, actual, expected, count);
  }
}

#undef UPDATE
#undef ADD_PRODUCT
#undef INLINE
