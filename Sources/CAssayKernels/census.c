#include "isa.h"

#include <math.h>

/// Counts one element; the definition that the vectors follow.
///
/// Limits are values of the elements' own dtype, so a float32 compares as its float64 does.
static void add_one(const assay_census_limits *limits, double x, assay_census *state) {
  double size = fabs(x);
  if (x != x) {
    state->nan++;
    return;
  }
  if (size == INFINITY) {
    state->inf++;
    state->negative_inf += x < 0;
    return;
  }
  state->zero += size == 0;
  state->subnormal += size != 0 && size < limits->smallest_normal;
  state->large += size >= limits->large;
  state->largest += size == limits->largest;
  state->masked += x <= limits->mask;
  if (x < state->min) state->min = x;
  if (x > state->max) state->max = x;
}

void assay_census_begin(assay_census *state) {
  memset(state, 0, sizeof *state);
  state->min = INFINITY;
  state->max = -INFINITY;
  state->first_non_finite = state->first_large = -1;
}

#define TARGET
#define SUFFIX baseline
#include "census_widths.h"
#undef SUFFIX
#undef TARGET

#ifdef ASSAY_X86
#define TARGET ASSAY_TARGET_AVX2
#define SUFFIX avx2
#include "census_widths.h"
#undef SUFFIX
#undef TARGET

#define TARGET ASSAY_TARGET_AVX512
#define SUFFIX avx512
#include "census_widths.h"
#undef SUFFIX
#undef TARGET

#define COUNT(WIDTH)                                                              \
  switch (isa) {                                                                  \
  case ASSAY_ISA_AVX512: census_##WIDTH##_avx512(limits, values, count, state); break; \
  case ASSAY_ISA_AVX2: census_##WIDTH##_avx2(limits, values, count, state); break; \
  default: census_##WIDTH##_baseline(limits, values, count, state);               \
  }
#else
#define COUNT(WIDTH)                                                              \
  (void)isa;                                                                      \
  census_##WIDTH##_baseline(limits, values, count, state);
#endif

#define UPDATE(WIDTH, REAL)                                                       \
  void assay_census_##WIDTH(                                                      \
      int isa, const assay_census_limits *limits, const REAL *values, size_t count, \
      assay_census *state) {                                                      \
    uint64_t odd = state->nan + state->inf, large = state->large;                 \
    COUNT(WIDTH)                                                                  \
    int has_odd = state->nan + state->inf > odd, has_large = state->large > large; \
    for (size_t i = 0; has_odd && state->first_non_finite < 0; i++)               \
      if (!(fabs((double)values[i]) < INFINITY))                                  \
        state->first_non_finite = (int64_t)(state->count + i);                    \
    for (size_t i = 0; has_large && state->first_large < 0; i++)                  \
      if (fabs((double)values[i]) >= limits->large && fabs((double)values[i]) < INFINITY) \
        state->first_large = (int64_t)(state->count + i);                         \
    state->count += count;                                                        \
  }

UPDATE(f32, float)
UPDATE(f64, double)
