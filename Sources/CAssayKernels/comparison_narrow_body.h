// A faster pass over integers of 8 and 16 bits, for inclusion in comparison_levels.h.
//
// Sixteen int32 lanes; every sum is exact. It takes the blocks in which no maximum can change, which
// are nearly all, and leaves the others to the wide pass, which comes to the same sums.

/// Sums of products in halves, so that those of a block fit an int32.
typedef struct {
  i32x16 low, high;
} NAMED(products);

typedef struct {
  i32x16 gap, abs, actual, expected, actual_min, actual_max, expected_min, expected_max, mismatched;
} NAMED(narrow_totals);

typedef struct {
  NAMED(products) aa, ee, ae;
} NAMED(narrow_row);

INLINE i32x16 NAMED(narrow_decode)(const void *source, size_t count, int kind) {
#define LOAD(KIND, TYPE)                                                         \
  case KIND: {                                                                   \
    TYPE value = 0;                                                              \
    memcpy(&value, source, count == 16 ? sizeof value : count * (sizeof value / 16)); \
    return __builtin_convertvector(value, i32x16);                               \
  }
  switch (kind) {
    LOAD(ASSAY_I8, i8x16)
    LOAD(ASSAY_U8, u8x16)
    LOAD(ASSAY_I16, i16x16)
    LOAD(ASSAY_U16, u16x16)
  default: {
    u8x16 value = 0;
    memcpy(&value, source, count == 16 ? 16 : count);
    u8x16 one = value != 0 ? (u8x16)1 : (u8x16)0;
    return __builtin_convertvector(one, i32x16);
  }
  }
#undef LOAD
}

INLINE void NAMED(add_products)(
    NAMED(products) * sum, i32x16 x, i32x16 y, int kind) {
  // Unsigned, because the product of two uint16 values needs all 32 bits.
  u32x16 product = (u32x16)x * (u32x16)y;
  if (kind == ASSAY_I16 || kind == ASSAY_U16) {
    sum->low += (i32x16)(product & 0xffff);
    sum->high += kind == ASSAY_I16 ? (i32x16)product >> 16 : (i32x16)(product >> 16);
  } else {
    sum->low += (i32x16)product;
  }
}

INLINE double NAMED(narrow_sum)(NAMED(products) x) {
  // Less than 2^31 in all lanes: 2,048 elements of at most 2^16 in halves.
  int64_t low = __builtin_reduce_add(x.low), high = __builtin_reduce_add(x.high);
  return (double)(low + high * 65536);
}

INLINE void NAMED(narrow_step)(
    int kind, int32_t allowed, const void *actual, const void *expected, size_t count,
    NAMED(narrow_totals) * t, NAMED(narrow_row) * row) {
  i32x16 a = NAMED(narrow_decode)(actual, count, kind);
  i32x16 e = NAMED(narrow_decode)(expected, count, kind);
  i32x16 d = __builtin_elementwise_abs(a - e);
  t->gap = __builtin_elementwise_max(t->gap, d);
  t->mismatched -= d > allowed;
  t->abs += d;
  t->actual += a;
  t->expected += e;
  NAMED(add_products)(&row->aa, a, a, kind);
  NAMED(add_products)(&row->ee, e, e, kind);
  NAMED(add_products)(&row->ae, a, e, kind);
  if (count < 16) {
    // Lanes without an element repeat the first.
    i32x16 valid = NAMED(valid)(count);
    a = valid ? a : (i32x16)a[0];
    e = valid ? e : (i32x16)e[0];
  }
  t->actual_min = __builtin_elementwise_min(t->actual_min, a);
  t->actual_max = __builtin_elementwise_max(t->actual_max, a);
  t->expected_min = __builtin_elementwise_min(t->expected_min, e);
  t->expected_max = __builtin_elementwise_max(t->expected_max, e);
}

/// Whether no pair can change a maximum.
///
/// - gap: The largest distance.
/// - size: The smallest expected magnitude.
INLINE int NAMED(is_settled)(
    const assay_comparison *s, double gap, double size, int any_mismatched) {
  if (s->max_abs.index < 0) return 0;
  if (gap == 0) return 1;
  if (any_mismatched &&
      !(s->first_mismatch >= 0 && s->max_abs_mismatched.index >= 0 &&
        gap <= s->max_abs_mismatched.value && gap / size <= s->max_rel_mismatched.value))
    return 0;
  double scaled = s->rtol * size, rtol_scaled = s->min_rtol * size;
  return gap <= s->max_abs.value && gap / size <= s->max_rel.value &&
         (s->no_rtol || gap <= s->atol + rtol_scaled) &&
         (s->no_atol || gap <= s->min_atol + scaled);
}

INLINE void NAMED(narrow_block)(
    assay_comparison *state, int kind, const char *actual, const char *expected, size_t count) {
  const assay_comparison before = *state;
  const double most = kind == ASSAY_I8     ? 128
                      : kind == ASSAY_U8   ? 255
                      : kind == ASSAY_I16  ? 32768
                      : kind == ASSAY_U16  ? 65535
                                           : 1;
  // Within the largest bound are all that are within the smallest.
  double scaled = state->rtol * most, widest = state->atol + scaled;
  int32_t allowed = (int32_t)(state->atol < 65536 ? state->atol : 65536);
  int32_t allowed_most = (int32_t)(widest < 65536 ? widest : 65536);
  NAMED(narrow_totals) t = {0};
  t.actual_min = t.expected_min = INT32_MAX;
  t.actual_max = t.expected_max = INT32_MIN;
  double aa = 0, dd = 0, ee = 0, ae = 0;

  size_t done = 0;
  while (done < count) {
    // What the block holds of one row.
    size_t rest = state->row_length - state->column;
    size_t length = count - done < rest ? count - done : rest;
    NAMED(narrow_row) row = {0};
    for (size_t i = 0; i < length; i += 16) {
      size_t at = assay_kind_bytes(kind, done + i), part = length - i;
      if (part >= 16) {
        NAMED(narrow_step)(kind, allowed, actual + at, expected + at, 16, &t, &row);
      } else {
        NAMED(narrow_step)(kind, allowed, actual + at, expected + at, part, &t, &row);
      }
    }
    double row_aa = NAMED(narrow_sum)(row.aa), row_ee = NAMED(narrow_sum)(row.ee);
    double row_ae = NAMED(narrow_sum)(row.ae), row_dd = row_aa - 2 * row_ae + row_ee;
    aa += row_aa;
    dd += row_dd;
    ee += row_ee;
    ae += row_ae;
    state->row_dd += row_dd;
    state->row_ee += row_ee;
    state->column += length;
    if (state->column == state->row_length) assay_end_row(state);
    done += length;
  }

  int32_t gap = __builtin_reduce_max(t.gap);
  double expected_min = __builtin_reduce_min(t.expected_min);
  double expected_max = __builtin_reduce_max(t.expected_max);
  double smallest = expected_min > 0 ? expected_min : expected_max < 0 ? -expected_max : 0;
  if (!NAMED(is_settled)(&before, gap, smallest, gap > allowed) ||
      (gap > allowed && allowed != allowed_most)) {
    *state = before;
    NAMED(wide_block)(state, kind, actual, expected, count);
    return;
  }
  double actual_min = __builtin_reduce_min(t.actual_min);
  double actual_max = __builtin_reduce_max(t.actual_max);
  double largest = -expected_min > expected_max ? -expected_min : expected_max;
  state->mismatched += (uint64_t)__builtin_reduce_add(t.mismatched);
  state->pairs += count;
  state->abs += __builtin_reduce_add(t.abs);
  state->dd += dd;
  state->aa += aa;
  state->ee += ee;
  state->ae += ae;
  state->actual.finite += count;
  state->actual.sum += __builtin_reduce_add(t.actual);
  state->actual.squares += aa;
  state->expected.finite += count;
  state->expected.sum += __builtin_reduce_add(t.expected);
  state->expected.squares += ee;
  state->actual.min = actual_min < state->actual.min ? actual_min : state->actual.min;
  state->actual.max = actual_max > state->actual.max ? actual_max : state->actual.max;
  state->expected.min = expected_min < state->expected.min ? expected_min : state->expected.min;
  state->expected.max = expected_max > state->expected.max ? expected_max : state->expected.max;
  state->largest_expected =
      largest > state->largest_expected ? largest : state->largest_expected;
  state->index += count;
}
