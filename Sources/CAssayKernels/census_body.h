// The census of floats of one width for one instruction set; included once for each with SUFFIX,
// TARGET, and the width's NAME, REAL, FLOATS, INTS, LANES and MAGNITUDE and INFINITY_BITS.

TARGET static void NAMED(NAME)(
    const assay_census_limits *limits, const REAL *values, size_t count, assay_census *state) {
  const REAL smallest = (REAL)limits->smallest_normal, large = (REAL)limits->large,
             largest = (REAL)limits->largest, mask = (REAL)limits->mask;
  INTS nan = {0}, inf = {0}, negative = {0}, zero = {0}, subnormal = {0}, many = {0}, most = {0},
       masked = {0};
  FLOATS low = (FLOATS)(nan) + (REAL)INFINITY, high = (FLOATS)(nan) - (REAL)INFINITY;
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    FLOATS x;
    memcpy(&x, values + i, sizeof x);
    // Without their sign, floats stand in the order of their bits.
    INTS bits = (INTS)x & MAGNITUDE;
    INTS finite = bits < INFINITY_BITS;
    FLOATS size = (FLOATS)bits;
    INTS infinite = bits == INFINITY_BITS;
    nan -= bits > INFINITY_BITS;
    inf -= infinite;
    negative -= infinite & (x < 0);
    zero -= bits == 0;
    subnormal -= (size < smallest) & (bits != 0);
    many -= (size >= large) & finite;
    most -= size == largest;
    masked -= (x <= mask) & finite;
    FLOATS lower = finite ? x : low, upper = finite ? x : high;
    low = lower < low ? lower : low;
    high = upper > high ? upper : high;
  }
  for (int lane = 0; lane < LANES; lane++) {
    state->nan += (uint64_t)nan[lane];
    state->inf += (uint64_t)inf[lane];
    state->negative_inf += (uint64_t)negative[lane];
    state->zero += (uint64_t)zero[lane];
    state->subnormal += (uint64_t)subnormal[lane];
    state->large += (uint64_t)many[lane];
    state->largest += (uint64_t)most[lane];
    state->masked += (uint64_t)masked[lane];
    if (low[lane] < state->min) state->min = low[lane];
    if (high[lane] > state->max) state->max = high[lane];
  }
  for (; i < count; i++) add_one(limits, values[i], state);
}
