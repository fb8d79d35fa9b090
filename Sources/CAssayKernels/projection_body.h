// The body of the sign projection, compiled once per instruction set.

/// Adds the values to 32 sums, each with its own sign.
TARGET static void NAMED(project_half)(
    uint64_t seed, uint64_t first, uint64_t stride, int half, const double *values, size_t count,
    double *sums) {
  const i64x8 places = {0, 1, 2, 3, 4, 5, 6, 7};
  const i64x8 sign = (i64x8)(0 * places) | INT64_MIN;
  f64x8 lanes[4];
  memcpy(lanes, sums, sizeof lanes);
  for (size_t i = 0; i < count; i++) {
    uint64_t word = assay_splitmix64(seed, first + i * stride) >> (32 * half);
    f64x8 value = values[i] - (f64x8){0};
    i64x8 bits = (i64x8)(0 * places) | (int64_t)word;
    for (int lane = 0; lane < 4; lane++) {
      i64x8 flips = (bits << (63 - places - 8 * lane)) & sign;
      lanes[lane] += (f64x8)((i64x8)value ^ flips);
    }
  }
  memcpy(sums, lanes, sizeof lanes);
}

TARGET static void NAMED(project)(
    uint64_t seed, uint64_t first, const double *values, size_t count, size_t words,
    double *sums) {
  for (size_t word = 0; word < words; word++) {
    uint64_t start = first * words + word;
    NAMED(project_half)(seed, start, words, 0, values, count, sums + 64 * word);
    NAMED(project_half)(seed, start, words, 1, values, count, sums + 64 * word + 32);
  }
}
