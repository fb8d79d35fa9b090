// The fused comparison of floats of up to 32 bits, for inclusion in comparison_levels.h.
//
// Sixteen float32 lanes whatever the registers' width. Products of float32 values are exact in
// float64, so a fused multiply-add into the sums rounds as a multiplication and an addition do.

#if LEVEL >= 1
#define ADD_PRODUCT(x, y, sum) __builtin_elementwise_fma(x, y, sum)
#else
#define ADD_PRODUCT(x, y, sum) ((x) * (y) + (sum))
#endif

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

/// The rule, and what an element must exceed to change a maximum.
typedef struct {
  float rtol, atol;
  float min_rtol, rtol_atol, min_atol;
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

/// All bits of the lanes below `count`.
INLINE i32x16 NAMED(valid)(size_t count) {
  const i32x16 lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return lanes < (int32_t)count;
}

INLINE i32x16 NAMED(key)(u32x16 bits) {
  i32x16 sign = (i32x16)bits >> 31;
  return (((i32x16)bits & 0x7fffffff) ^ sign) - sign;
}

/// The bits of a format of up to 16 bits, of whose bytes the rest is zero.
INLINE u16x16 NAMED(load_bits)(const void *source, size_t count, int kind) {
  if (kind == ASSAY_BF16 || kind == ASSAY_F16) {
    u16x16 bits = 0;
    memcpy(&bits, source, count == 16 ? 32 : count * 2);
    return bits;
  }
  u8x16 bytes = 0;
  if (kind != ASSAY_F4E2M1FN) {
    memcpy(&bytes, source, count == 16 ? 16 : count);
    return __builtin_convertvector(bytes, u16x16);
  }
  memcpy(&bytes, source, count == 16 ? 8 : (count + 1) / 2);
  const u16x16 half = {0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4};
  u8x16 twice = __builtin_shufflevector(
      bytes, bytes, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  return __builtin_convertvector(twice, u16x16) >> half & 0xf;
}

/// Values of a format of up to 16 bits; the narrow ones by way of the float16 that is a power of two
/// away, which has their subnormals too.
INLINE f32x16 NAMED(widen_bits)(u16x16 bits, int kind) {
  u16x16 sign = (bits & 0x80) << 8, half = sign | (bits & 0x7f) << 7;
  switch (kind) {
  case ASSAY_BF16: return NAMED(widen_bf16)(bits);
  case ASSAY_F16: return NAMED(widen_f16)(bits);
  case ASSAY_F8E4M3FN:
    half |= (u16x16)((bits & 0x7f) == 0x7f) & 0x7e00;
    return NAMED(widen_f16)(half) * 0x1p8f;
  case ASSAY_F8E4M3FNUZ:
    half |= (u16x16)(bits == 0x80) & 0x7e00;
    return NAMED(widen_f16)(half) * 0x1p7f;
  case ASSAY_F8E5M2: return NAMED(widen_f16)(bits << 8);
  case ASSAY_F8E5M2FNUZ: {
    u32x16 wide = __builtin_convertvector(bits, u32x16), magnitude = wide & 0x7f;
    f32x16 normal = (f32x16)((magnitude << 21) + 0x37800000u);
    f32x16 subnormal = __builtin_convertvector((i32x16)magnitude, f32x16) * 0x1p-17f;
    u32x16 value = (u32x16)((i32x16)magnitude < 4 ? subnormal : normal);
    u32x16 nan = (u32x16)(wide == 0x80) & 0x7fc00000u;
    return (f32x16)(value | (wide & 0x80) << 24 | nan);
  }
  case ASSAY_F8E8M0FNU: {
    u32x16 wide = __builtin_convertvector(bits, u32x16);
    // The lowest power, 2^-127, is a subnormal float32.
    u32x16 lowest = (u32x16)(wide == 0) & 0x00400000u;
    u32x16 nan = (u32x16)(wide == 0xff) & 0x00400000u;
    return (f32x16)(wide << 23 | lowest | nan);
  }
  default: return NAMED(widen_f16)((bits & 8) << 12 | (bits & 7) << 9) * 0x1p14f;
  }
}

INLINE f32x16 NAMED(decode)(const void *source, size_t count, int kind, i32x16 *key) {
  if (kind == ASSAY_F32) {
    f32x16 value = 0;
    memcpy(&value, source, count == 16 ? 64 : count * 4);
    *key = NAMED(key)((u32x16)value);
    return value;
  }
  u16x16 bits = NAMED(load_bits)(source, count, kind);
  f32x16 value = NAMED(widen_bits)(bits, kind);
  // In the order's upper part, so that the same steps serve; the distance is shifted down at last.
  u32x16 upper = __builtin_convertvector(bits, u32x16) << assay_key_shift(kind);
  *key = kind == ASSAY_F8E8M0FNU ? (i32x16)upper : NAMED(key)(upper);
  if (count < 16 && (kind == ASSAY_F8E8M0FNU || kind == ASSAY_F4E2M1FN)) {
    // A byte of zeros is no zero, or half of the last byte is no element's.
    i32x16 valid = NAMED(valid)(count);
    *key &= valid;
    value = (f32x16)((i32x16)value & valid);
  }
  return value;
}

/// Takes up to 16 elements of one row in; lanes beyond `count` hold zeros, which change no sum.
///
/// - is_open: Whether a ratio can still be raised, or the smallest rtol.
INLINE void NAMED(step)(
    const NAMED(screens) * screens, int kind, int is_open, const void *actual,
    const void *expected, size_t count, NAMED(totals) * t, NAMED(wide) * dd, NAMED(wide) * ee) {
  i32x16 actual_key, expected_key;
  f32x16 a = NAMED(decode)(actual, count, kind, &actual_key);
  f32x16 e = NAMED(decode)(expected, count, kind, &expected_key);
  f32x16 d = (f32x16)((u32x16)(a - e) & 0x7fffffffu);
  f32x16 size = (f32x16)((u32x16)e & 0x7fffffffu);

  f32x16 scaled = screens->rtol * size;
  f32x16 bound = screens->atol + scaled;
  i32x16 mismatched = d > bound;
  t->mismatched -= (u32x16)mismatched;
  f32x16 atol_bound = screens->min_atol + scaled;
  t->candidates |= d > atol_bound;
  if (is_open) {
    f32x16 rtol_scaled = screens->min_rtol * size;
    f32x16 rtol_bound = screens->rtol_atol + rtol_scaled;
    t->candidates |= d > rtol_bound;
  }

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
    i32x16 valid = NAMED(valid)(count);
    t->actual_min = valid ? NAMED(smaller)(a, t->actual_min) : t->actual_min;
    t->actual_max = valid ? NAMED(larger)(a, t->actual_max) : t->actual_max;
    t->expected_min = valid ? NAMED(smaller)(e, t->expected_min) : t->expected_min;
    t->expected_max = valid ? NAMED(larger)(e, t->expected_max) : t->expected_max;
  }

  NAMED(wide) wa = NAMED(widen)(a), we = NAMED(widen)(e), wd = NAMED(widen)(d);
  if (is_open) {
    // In float64, where no two ratios of float32 values look alike: in the narrow formats many
    // pairs have the largest ratio exactly, and none but the first deserves another look.
    NAMED(wide) ws = NAMED(widen)(size);
    t->ratio_candidates |= (wd.low > screens->ratio * ws.low) | (wd.high > screens->ratio * ws.high);
    t->ratio_candidates |= (wd.low > screens->ratio_mismatched * ws.low) &
                           __builtin_convertvector(mismatched.lo, i64x8);
    t->ratio_candidates |= (wd.high > screens->ratio_mismatched * ws.high) &
                           __builtin_convertvector(mismatched.hi, i64x8);
  }

  NAMED(add)(&t->abs, wd);
  NAMED(add)(&t->actual, wa);
  NAMED(add)(&t->expected, we);
  NAMED(add_product)(dd, wd, wd);
  NAMED(add_product)(ee, we, we);
  NAMED(add_product)(&t->aa, wa, wa);
  NAMED(add_product)(&t->ae, wa, we);
}

/// One row's part of a block.
INLINE void NAMED(part)(
    const NAMED(screens) * screens, int kind, int is_open, const char *actual,
    const char *expected, size_t length, NAMED(totals) * t, NAMED(wide) * dd, NAMED(wide) * ee) {
  size_t i = 0;
  for (; i + 16 <= length; i += 16) {
    size_t at = assay_kind_bytes(kind, i);
    NAMED(step)(screens, kind, is_open, actual + at, expected + at, 16, t, dd, ee);
  }
  if (i < length) {
    size_t at = assay_kind_bytes(kind, i);
    NAMED(step)(screens, kind, is_open, actual + at, expected + at, length - i, t, dd, ee);
  }
}

INLINE void NAMED(load_block)(
    int kind, const char *actual, const char *expected, size_t count, assay_block *block) {
  for (size_t i = 0; i < count; i += 16) {
    size_t part = count - i < 16 ? count - i : 16, at = assay_kind_bytes(kind, i);
    i32x16 key;
    f32x16 value = NAMED(decode)(actual + at, part, kind, &key);
    memcpy(block->actual + i, &value, 64);
    memcpy(block->actual_key + i, &key, 64);
    value = NAMED(decode)(expected + at, part, kind, &key);
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
  f32x16 scaled = (float)s->rtol * size;
  f32x16 bound = (float)s->atol + scaled;
  f32x16 rtol_scaled = (s->no_rtol ? 0 : (float)s->min_rtol) * size;
  f32x16 rtol_bound = (s->no_rtol ? infinity : (float)s->atol) + rtol_scaled;
  f32x16 atol_bound = (s->no_atol ? infinity : (float)s->min_atol) + scaled;
  i32x16 mismatched = ~(d <= bound);
  i32x16 found = ~(d <= rtol_bound) | ~(d <= atol_bound) | (d > (float)s->max_abs.value);
  found |= mismatched & (d > (float)s->max_abs_mismatched.value);
  u32x16 distance = (u32x16)__builtin_elementwise_max(actual_key, expected_key) -
                    (u32x16)__builtin_elementwise_min(actual_key, expected_key);
  distance >>= (uint32_t)assay_key_shift(s->kind);
  found |= (i32x16)(distance > (uint32_t)s->max_ulp);
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
  const assay_comparison before = *state;
  const float infinity = __builtin_inff();
  const NAMED(screens) screens = {
      (float)state->rtol,
      (float)state->atol,
      state->no_rtol ? 0 : (float)state->min_rtol,
      state->no_rtol ? infinity : (float)state->atol,
      state->no_atol ? infinity : (float)state->min_atol,
      // Above the rounding of a product, far below the distance of two ratios.
      state->max_rel.value * (1 + 0x1p-51),
      state->max_rel_mismatched.value * (1 + 0x1p-51),
  };
  const int is_open = !state->no_rtol || state->max_rel.value < __builtin_inf() ||
                      state->max_rel_mismatched.value < __builtin_inf();
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
    const char *a = actual + assay_kind_bytes(kind, done);
    const char *e = expected + assay_kind_bytes(kind, done);
    if (is_open) {
      NAMED(part)(&screens, kind, 1, a, e, length, &t, &row_dd, &row_ee);
    } else {
      NAMED(part)(&screens, kind, 0, a, e, length, &t, &row_dd, &row_ee);
    }
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
  ulp >>= assay_key_shift(kind);
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

#undef ADD_PRODUCT
