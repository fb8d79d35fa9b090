// The fused comparison of float64 and of integers, for inclusion in comparison_levels.h.
//
// Eight float64 lanes whatever the registers' width. Products are rounded before they are added, as
// a machine without fused multiply-add does. Integers below 2^51 and their differences are exact.

typedef struct {
  f64x8 abs, aa, ae, actual, expected, actual_min, actual_max, expected_min, expected_max;
  i64x8 mismatched, found, odd;
} NAMED(wide_totals);

/// The rule, and what an element must exceed to change a maximum.
typedef struct {
  double rtol, atol, min_rtol, rtol_atol, min_atol;
  double gap, gap_mismatched, ratio, ratio_mismatched;
  uint64_t ulp;
} NAMED(wide_screens);

INLINE NAMED(wide_screens) NAMED(wide_screens_of)(const assay_comparison *s) {
  const double infinity = __builtin_inf();
  NAMED(wide_screens) result = {
      s->rtol,
      s->atol,
      s->no_rtol ? 0 : s->min_rtol,
      s->no_rtol ? infinity : s->atol,
      s->no_atol ? infinity : s->min_atol,
      s->max_abs.index < 0 ? -1 : s->max_abs.value,
      s->max_abs_mismatched.index < 0 || s->first_mismatch < 0 ? -1 : s->max_abs_mismatched.value,
      s->max_rel.value,
      s->max_rel_mismatched.value,
      s->max_ulp,
  };
  return result;
}

INLINE double NAMED(wide_sum)(f64x8 eight) {
  double __attribute__((ext_vector_type(4))) four = eight.lo + eight.hi;
  double __attribute__((ext_vector_type(2))) two = four.lo + four.hi;
  return two.x + two.y;
}

INLINE double NAMED(wide_largest)(f64x8 x) {
  double result = x[0];
  for (int i = 1; i < 8; i++) result = x[i] > result ? x[i] : result;
  return result;
}

INLINE f64x8 NAMED(wide_size)(f64x8 x) { return (f64x8)((i64x8)x & INT64_MAX); }

INLINE i64x8 NAMED(wide_valid)(size_t count) {
  const i64x8 lanes = {0, 1, 2, 3, 4, 5, 6, 7};
  return lanes < (int64_t)count;
}

/// - odd: Receives a bit from 52 on for an integer of 2^51 or more.
INLINE f64x8 NAMED(wide_decode)(const void *source, size_t count, int kind, i64x8 *odd) {
#define LOAD(TYPE, NAME)                                                   \
  TYPE NAME = 0;                                                           \
  memcpy(&NAME, source, count == 8 ? sizeof NAME : count * (sizeof NAME / 8));
  switch (kind) {
  case ASSAY_F64: {
    LOAD(f64x8, value)
    return value;
  }
  case ASSAY_I64:
  case ASSAY_U64: {
    LOAD(i64x8, value)
    *odd |= value + (INT64_C(1) << 51);
    if (kind == ASSAY_U64) *odd |= value;
    // Added to the bits of 1.5 * 2^52, a small integer stands in the fraction.
    return (f64x8)(value + INT64_C(0x4338000000000000)) - 0x1.8p52;
  }
  case ASSAY_I32: {
    LOAD(i32x8, value)
    return __builtin_convertvector(value, f64x8);
  }
  case ASSAY_U32: {
    LOAD(u32x8, value)
    return (f64x8)(__builtin_convertvector(value, i64x8) | INT64_C(0x4330000000000000)) - 0x1p52;
  }
#define NARROW(KIND, TYPE)                                                               \
  case KIND: {                                                                           \
    LOAD(TYPE, value)                                                                    \
    return __builtin_convertvector(__builtin_convertvector(value, i32x8), f64x8);        \
  }
  NARROW(ASSAY_I16, i16x8)
  NARROW(ASSAY_U16, u16x8)
  NARROW(ASSAY_I8, i8x8)
  NARROW(ASSAY_U8, u8x8)
  default: {
    LOAD(u8x8, value)
    u8x8 one = value != 0 ? (u8x8)1 : (u8x8)0;
    return __builtin_convertvector(__builtin_convertvector(one, i32x8), f64x8);
  }
  }
#undef NARROW
#undef LOAD
}

INLINE i64x8 NAMED(wide_key)(f64x8 x) {
  i64x8 sign = (i64x8)x >> 63;
  return (((i64x8)x & INT64_MAX) ^ sign) - sign;
}

/// Which of eight pairs may change a maximum.
///
/// - is_open: Whether a ratio can still be raised, or the smallest rtol.
INLINE i64x8 NAMED(wide_candidates)(
    const NAMED(wide_screens) * screens, int is_open, f64x8 d, f64x8 size, f64x8 scaled,
    i64x8 mismatched) {
  i64x8 found = (d > screens->gap) | (d > screens->min_atol + scaled) |
                (mismatched & (d > screens->gap_mismatched));
  if (is_open) {
    f64x8 rtol_scaled = screens->min_rtol * size;
    found |= d > screens->rtol_atol + rtol_scaled;
    // Where a quotient rounds to more than the largest, its difference is no less than their
    // product.
    i64x8 near = (d >= screens->ratio * size) |
                 (mismatched & (d >= screens->ratio_mismatched * size));
    found |= near & (d > 0);
  }
  return found;
}

INLINE u64x8 NAMED(wide_distance)(f64x8 a, f64x8 e) {
  i64x8 x = NAMED(wide_key)(a), y = NAMED(wide_key)(e);
  return (u64x8)__builtin_elementwise_max(x, y) - (u64x8)__builtin_elementwise_min(x, y);
}

/// Takes up to eight elements of one row in; lanes beyond `count` hold zeros, which change no sum.
INLINE void NAMED(wide_step)(
    const NAMED(wide_screens) * screens, int kind, int is_open, const void *actual,
    const void *expected, size_t count, NAMED(wide_totals) * t, f64x8 *dd, f64x8 *ee) {
  f64x8 a = NAMED(wide_decode)(actual, count, kind, &t->odd);
  f64x8 e = NAMED(wide_decode)(expected, count, kind, &t->odd);
  f64x8 d = NAMED(wide_size)(a - e), size = NAMED(wide_size)(e);
  f64x8 scaled = screens->rtol * size;
  i64x8 mismatched = d > screens->atol + scaled;
  t->mismatched -= mismatched;
  t->found |= NAMED(wide_candidates)(screens, is_open, d, size, scaled, mismatched);
  if (kind == ASSAY_F64) {
    t->found |= NAMED(wide_distance)(a, e) > screens->ulp;
    f64x8 magnitude = NAMED(wide_size)(a);
    t->odd |= ((magnitude < ASSAY_SMALLEST) & (magnitude > 0)) |
              ((size < ASSAY_SMALLEST) & (size > 0));
  }

  if (count == 8) {
    t->actual_min = a < t->actual_min ? a : t->actual_min;
    t->actual_max = a > t->actual_max ? a : t->actual_max;
    t->expected_min = e < t->expected_min ? e : t->expected_min;
    t->expected_max = e > t->expected_max ? e : t->expected_max;
  } else {
    i64x8 valid = NAMED(wide_valid)(count);
    t->actual_min = (valid & (a < t->actual_min)) ? a : t->actual_min;
    t->actual_max = (valid & (a > t->actual_max)) ? a : t->actual_max;
    t->expected_min = (valid & (e < t->expected_min)) ? e : t->expected_min;
    t->expected_max = (valid & (e > t->expected_max)) ? e : t->expected_max;
  }
  t->abs += d;
  t->actual += a;
  t->expected += e;
  *dd += d * d;
  *ee += e * e;
  t->aa += a * a;
  t->ae += a * e;
}

/// Raises the maxima by a block of served values: element by element only where one changes.
TARGET static __attribute__((noinline)) void NAMED(wide_raise)(
    assay_comparison *state, int kind, const char *actual, const char *expected, size_t count) {
  NAMED(wide_screens) screens = NAMED(wide_screens_of)(state);
  for (size_t i = 0; i < count; i += 8) {
    size_t part = count - i < 8 ? count - i : 8, at = assay_kind_bytes(kind, i);
    i64x8 odd = 0;
    f64x8 a = NAMED(wide_decode)(actual + at, part, kind, &odd);
    f64x8 e = NAMED(wide_decode)(expected + at, part, kind, &odd);
    f64x8 d = NAMED(wide_size)(a - e), size = NAMED(wide_size)(e);
    f64x8 scaled = screens.rtol * size;
    i64x8 mismatched = d > screens.atol + scaled;
    i64x8 found = NAMED(wide_candidates)(&screens, 0, d, size, scaled, mismatched);
    f64x8 rtol_scaled = screens.min_rtol * size;
    found |= d > screens.rtol_atol + rtol_scaled;
    f64x8 ratio = d / size;
    found |= (ratio > screens.ratio) | (mismatched & (ratio > screens.ratio_mismatched));
    if (kind == ASSAY_F64) found |= NAMED(wide_distance)(a, e) > screens.ulp;
    if (__builtin_reduce_or(found) == 0) continue;
    double lanes[2][8];
    memcpy(lanes[0], &a, 64);
    memcpy(lanes[1], &e, 64);
    assay_raise_wide(state, lanes[0], lanes[1], (int64_t)(state->index + i), part);
    screens = NAMED(wide_screens_of)(state);
  }
}

/// One row's part of a block.
INLINE void NAMED(wide_part)(
    const NAMED(wide_screens) * screens, int kind, int is_open, const char *actual,
    const char *expected, size_t length, NAMED(wide_totals) * t, f64x8 *dd, f64x8 *ee) {
  size_t i = 0;
  for (; i + 8 <= length; i += 8) {
    size_t at = assay_kind_bytes(kind, i);
    NAMED(wide_step)(screens, kind, is_open, actual + at, expected + at, 8, t, dd, ee);
  }
  if (i < length) {
    size_t at = assay_kind_bytes(kind, i);
    NAMED(wide_step)
    (screens, kind, is_open, actual + at, expected + at, length - i, t, dd, ee);
  }
}

INLINE void NAMED(wide_block)(
    assay_comparison *state, int kind, const char *actual, const char *expected, size_t count) {
  const assay_comparison before = *state;
  const double infinity = __builtin_inf();
  const NAMED(wide_screens) screens = NAMED(wide_screens_of)(state);
  const int is_open = !state->no_rtol || screens.ratio < infinity ||
                      screens.ratio_mismatched < infinity;
  NAMED(wide_totals) t = {0};
  t.actual_min = t.expected_min = infinity;
  t.actual_max = t.expected_max = -infinity;
  double dd = 0, ee = 0;

  size_t done = 0;
  while (done < count) {
    // What the block holds of one row.
    size_t rest = state->row_length - state->column;
    size_t length = count - done < rest ? count - done : rest;
    f64x8 row_dd = 0, row_ee = 0;
    const char *a = actual + assay_kind_bytes(kind, done);
    const char *e = expected + assay_kind_bytes(kind, done);
    if (is_open) {
      NAMED(wide_part)(&screens, kind, 1, a, e, length, &t, &row_dd, &row_ee);
    } else {
      NAMED(wide_part)(&screens, kind, 0, a, e, length, &t, &row_dd, &row_ee);
    }
    double part_dd = NAMED(wide_sum)(row_dd), part_ee = NAMED(wide_sum)(row_ee);
    dd += part_dd;
    ee += part_ee;
    state->row_dd += part_dd;
    state->row_ee += part_ee;
    state->column += length;
    if (state->column == state->row_length) assay_end_row(state);
    done += length;
  }

  double aa = NAMED(wide_sum)(t.aa);
  double actual_min = -NAMED(wide_largest)(-t.actual_min);
  double actual_max = NAMED(wide_largest)(t.actual_max);
  double expected_min = -NAMED(wide_largest)(-t.expected_min);
  double expected_max = NAMED(wide_largest)(t.expected_max);
  double largest = -expected_min > expected_max ? -expected_min : expected_max;
  double largest_actual = -actual_min > actual_max ? -actual_min : actual_max;
  int64_t odd = __builtin_reduce_or(t.odd);
  if (kind != ASSAY_F64) {
    state->unserved = (uint64_t)odd >> 52 != 0;
  } else if (odd || !(aa < infinity && ee < infinity) || largest > ASSAY_LARGEST ||
             largest_actual > ASSAY_LARGEST) {
    *state = before;
    assay_feed_wide(state, actual, expected, count);
    return;
  }
  if (__builtin_reduce_or(t.found) != 0) NAMED(wide_raise)(state, kind, actual, expected, count);

  state->mismatched += (uint64_t)__builtin_reduce_add(t.mismatched);
  state->pairs += count;
  state->abs += NAMED(wide_sum)(t.abs);
  state->dd += dd;
  state->aa += aa;
  state->ee += ee;
  state->ae += NAMED(wide_sum)(t.ae);
  state->actual.finite += count;
  state->actual.sum += NAMED(wide_sum)(t.actual);
  state->actual.squares += aa;
  state->expected.finite += count;
  state->expected.sum += NAMED(wide_sum)(t.expected);
  state->expected.squares += ee;
  state->actual.min = actual_min < state->actual.min ? actual_min : state->actual.min;
  state->actual.max = actual_max > state->actual.max ? actual_max : state->actual.max;
  state->expected.min = expected_min < state->expected.min ? expected_min : state->expected.min;
  state->expected.max = expected_max > state->expected.max ? expected_max : state->expected.max;
  state->largest_expected =
      largest > state->largest_expected ? largest : state->largest_expected;
  state->index += count;
}
