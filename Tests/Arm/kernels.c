// Feeds seeded inputs to every kernel and prints a digest of each result.
//
//   kernels ISA   The instruction set, from 0; exits 3 where the machine does not have it.
#include "AssayKernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 5000 };

static uint64_t seed, position;
static uint64_t next(void) { return assay_splitmix64(seed, position++); }

static uint64_t digest(const void *bytes, size_t size) {
  const uint8_t *byte = bytes;
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < size; i++) hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
  return hash;
}

static const size_t counts[] = {0, 1, 2, 15, 16, 17, 31, 576, 2047, 2048, 2049, 4096, 4999};
enum { COUNTS = sizeof counts / sizeof counts[0] };

/// Inputs: ordinary values, any bits, a few special values, and all pairs alike.
enum { ORDINARY, ANY_BITS, SPECIAL, ALIKE, STYLES };

static const uint32_t specials[] = {0,          0x80000000, 0x7f800000, 0xff800000, 0x7fc00001,
                                    0xffc12345, 1,          0x807fffff, 0x7f7fffff, 0xff7fffff};

/// The size of an element; packed ones are made a byte at a time.
static size_t element_size(int kind) {
  switch (kind) {
  case ASSAY_F64:
  case ASSAY_I64:
  case ASSAY_U64: return 8;
  case ASSAY_F32:
  case ASSAY_I32:
  case ASSAY_U32: return 4;
  case ASSAY_BF16:
  case ASSAY_F16:
  case ASSAY_I16:
  case ASSAY_U16: return 2;
  default: return 1;
  }
}

static uint64_t element(int kind, int style) {
  uint64_t word = next();
  if (kind == ASSAY_F64) {
    if (style == ANY_BITS) return word;
    static const uint64_t wide[] = {0, UINT64_C(0x8000000000000000), UINT64_C(0x7ff0000000000000),
                                    UINT64_C(0x7ff8000000000001)};
    if (style == SPECIAL && next() % 64 == 0) return wide[word % 4];
    double value = (double)(int64_t)word * 0x1p-62;
    memcpy(&word, &value, 8);
    return word;
  }
  if (kind == ASSAY_BOOL) return style == ANY_BITS ? word & 3 : word & 1;
  if (kind > ASSAY_F64) {
    // From far below zero or from 0, and within what is served.
    if (style == ANY_BITS) return element_size(kind) < 8 ? word : word >> 13;
    return kind < ASSAY_U8 ? (uint64_t)((int64_t)(word % 101) - 50) : word % 101;
  }
  // Half of the patterns, so that most blocks hold neither NaN nor infinity.
  if (kind >= ASSAY_F8E4M3FN)
    return style == ANY_BITS || (style == SPECIAL && next() % 512 == 0) ? word : word & 0xbf;
  uint32_t bits = (uint32_t)word;
  if (style == SPECIAL && (word >> 32) % 64 == 0) {
    bits = specials[(word >> 40) % 10];
  } else if (style != ANY_BITS) {
    float value = (float)((double)(int64_t)word * 0x1p-62);
    memcpy(&bits, &value, 4);
  }
  if (kind == ASSAY_F32) return bits;
  if (kind == ASSAY_BF16) return bits >> 16;
  if (style == ANY_BITS) return bits & 0xffff;
  float value;
  uint16_t half;
  memcpy(&value, &bits, 4);
  assay_f32_to_f16(ASSAY_ISA_BASELINE, &value, 1, &half);
  return half;
}

static void compare(int isa, int kind, int style, size_t count) {
  static char actual[MOST * 8], expected[MOST * 8];
  size_t size = element_size(kind);
  if (kind == ASSAY_F4E2M1FN) count &= ~(size_t)1;
  for (size_t i = 0; i < count; i++) {
    uint64_t a = element(kind, style), e = element(kind, style);
    // A few units apart, as most elements of a recording are.
    if (style == ALIKE) a = e ^ next() % (kind == ASSAY_BOOL ? 2 : 4);
    memcpy(actual + i * size, &a, size);
    memcpy(expected + i * size, &e, size);
  }
  const uint64_t odd = kind == ASSAY_F4E2M1FN ? 6 : 7, one = kind == ASSAY_F4E2M1FN ? 2 : 1;
  const uint64_t rows[] = {one, odd, 64, count ? count : one};
  for (int row = 0; row < 4; row++)
    for (int strict = 0; strict < 2; strict++) {
      assay_comparison state;
      assay_comparison_begin(
          &state, kind, strict ? 0 : 1e-3f, strict ? 0 : 1e-5f, strict, rows[row]);
      assay_comparison_update(&state, isa, actual, expected, count);
      // What was gathered before an unserved block was met counts for nothing.
      if (state.unserved) assay_comparison_begin(&state, kind, 0, 0, 0, 1);
      printf("compare kind %d style %d count %zu row %d strict %d: %016llx\n", kind, style, count,
             row, strict, (unsigned long long)digest(&state, sizeof state));
    }
}

static void report(const char *name, size_t count, const void *bytes, size_t size) {
  printf("%s count %zu: %016llx\n", name, count, (unsigned long long)digest(bytes, size));
}

static void convert(int isa, size_t count) {
  static uint64_t source[MOST];
  static float floats[MOST];
  static double doubles[MOST];
  static uint16_t halves[MOST];
  for (size_t i = 0; i < count; i++) source[i] = next();
#define WITH_ISA(NAME, TARGET, SOURCE)                 \
  assay_##NAME(isa, (SOURCE)source, count, TARGET);    \
  report(#NAME, count, TARGET, count * sizeof *TARGET);
  WITH_ISA(f16_to_f32, floats, const void *)
  WITH_ISA(bf16_to_f32, floats, const void *)
  WITH_ISA(f32_to_f16, halves, const float *)
  WITH_ISA(f32_to_bf16, halves, const float *)
#define IN_PLACE(NAME)                 \
  memcpy(floats, source, count * 4);   \
  assay_##NAME(isa, floats, count);    \
  report(#NAME, count, floats, count * 4);
  IN_PLACE(round_to_f16)
  IN_PLACE(round_to_bf16)
#define PLAIN(NAME, TARGET)                \
  assay_##NAME(source, count, TARGET);     \
  report(#NAME, count, TARGET, count * sizeof *TARGET);
  PLAIN(f8e4m3fn_to_f32, floats)
  PLAIN(f8e5m2_to_f32, floats)
  PLAIN(f8e4m3fnuz_to_f32, floats)
  PLAIN(f8e5m2fnuz_to_f32, floats)
  PLAIN(f8e8m0fnu_to_f32, floats)
  PLAIN(f4e2m1fn_to_f32, floats)
#define BOTH(NAME) PLAIN(NAME##_to_f32, floats) PLAIN(NAME##_to_f64, doubles)
  BOTH(i8) BOTH(i16) BOTH(i32) BOTH(i64) BOTH(u8) BOTH(u16) BOTH(u32) BOTH(u64)
  BOTH(bool) BOTH(f64) BOTH(f32)

  assay_census_limits limits = {0x1p-126, 0x1p100, 0x1.fffffep127, -0x1p120};
  assay_census census;
  memset(&census, 0, sizeof census);
  assay_census_begin(&census);
  assay_census_f32(isa, &limits, (const float *)source, count, &census);
  report("census_f32", count, &census, sizeof census);
  assay_census_begin(&census);
  assay_census_f64(isa, &limits, (const double *)source, count, &census);
  report("census_f64", count, &census, sizeof census);

  double sums[128] = {0};
  for (size_t i = 0; i < count; i++) doubles[i] = (double)(int64_t)source[i] * 0x1p-62;
  assay_project(isa, seed, count, doubles, count, 2, sums);
  report("project", count, sums, sizeof sums);
}

int main(int argc, char **argv) {
  int isa = argc > 1 ? atoi(argv[1]) : 0;
  if (isa > assay_isa_best()) return 3;
  for (seed = 1; seed <= 4; seed++)
    for (int i = 0; i < COUNTS; i++) {
      position = 0;
      convert(isa, counts[i]);
      for (int kind = ASSAY_F32; kind < ASSAY_KINDS; kind++)
        for (int style = 0; style < STYLES; style++) compare(isa, kind, style, counts[i]);
    }
  return 0;
}
