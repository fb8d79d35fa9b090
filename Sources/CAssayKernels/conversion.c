#include "isa.h"

#define SUFFIX baseline
#define TARGET
#define LEVEL 0
#include "conversion_body.h"
#undef SUFFIX
#undef TARGET
#undef LEVEL

#ifdef ASSAY_X86
#define SUFFIX avx2
#define TARGET ASSAY_TARGET_AVX2
#define LEVEL 1
#include "conversion_body.h"
#undef SUFFIX
#undef TARGET
#undef LEVEL

#define SUFFIX avx512
#define TARGET ASSAY_TARGET_AVX512
#define LEVEL 2
#include "conversion_body.h"
#undef SUFFIX
#undef TARGET
#undef LEVEL
#endif

int assay_isa_best(void) {
#ifdef ASSAY_X86
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("f16c");
  int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  return !avx2 ? ASSAY_ISA_BASELINE : !avx512 ? ASSAY_ISA_AVX2 : ASSAY_ISA_AVX512;
#else
  return ASSAY_ISA_BASELINE;
#endif
}

#ifdef ASSAY_X86
#define DISPATCH(NAME, SOURCE, COUNT, TARGET_POINTER)                             \
  switch (isa) {                                                                  \
  case ASSAY_ISA_AVX512: NAME##_avx512(SOURCE, COUNT, TARGET_POINTER); break;     \
  case ASSAY_ISA_AVX2: NAME##_avx2(SOURCE, COUNT, TARGET_POINTER); break;         \
  default: NAME##_baseline(SOURCE, COUNT, TARGET_POINTER);                        \
  }
#else
#define DISPATCH(NAME, SOURCE, COUNT, TARGET_POINTER)                             \
  (void)isa;                                                                      \
  NAME##_baseline(SOURCE, COUNT, TARGET_POINTER);
#endif

void assay_f16_to_f32(int isa, const void *source, size_t count, float *target) {
  DISPATCH(convert_f16_f32, source, count, (char *)target)
}

void assay_bf16_to_f32(int isa, const void *source, size_t count, float *target) {
  DISPATCH(convert_bf16_f32, source, count, (char *)target)
}

void assay_f32_to_f16(int isa, const float *source, size_t count, uint16_t *target) {
  DISPATCH(convert_f32_f16, (const char *)source, count, (char *)target)
}

void assay_f32_to_bf16(int isa, const float *source, size_t count, uint16_t *target) {
  DISPATCH(convert_f32_bf16, (const char *)source, count, (char *)target)
}

void assay_round_to_f16(int isa, float *values, size_t count) {
  DISPATCH(convert_round_f16, (const char *)values, count, (char *)values)
}

void assay_round_to_bf16(int isa, float *values, size_t count) {
  DISPATCH(convert_round_bf16, (const char *)values, count, (char *)values)
}

void assay_f8e4m3fn_to_f32(const void *source, size_t count, float *target) {
  const uint8_t *bytes = source;
  for (size_t i = 0; i < count; i++) {
    uint32_t magnitude = bytes[i] & 0x7f;
    // Fraction and exponent in the places of a float32 whose exponent is 120 too small.
    uint32_t bits = magnitude << 20;
    float value;
    memcpy(&value, &bits, 4);
    value *= 0x1p120f;
    memcpy(&bits, &value, 4);
    bits = magnitude == 0x7f ? 0x7fc00000u : bits;
    bits |= (uint32_t)(bytes[i] & 0x80) << 24;
    memcpy(target + i, &bits, 4);
  }
}

void assay_f8e5m2_to_f32(const void *source, size_t count, float *target) {
  const uint8_t *bytes = source;
  for (size_t i = 0; i < count; i++) {
    uint32_t magnitude = bytes[i] & 0x7f;
    uint32_t bits = magnitude << 21;
    float value;
    memcpy(&value, &bits, 4);
    value *= 0x1p112f;
    memcpy(&bits, &value, 4);
    uint32_t special = 0x7f800000u | (magnitude & 3) << 21 | (magnitude > 0x7c ? 0x400000u : 0);
    bits = magnitude >= 0x7c ? special : bits;
    bits |= (uint32_t)(bytes[i] & 0x80) << 24;
    memcpy(target + i, &bits, 4);
  }
}

/// Formats whose only special value is the NaN 0x80: the fraction at `shift`, the rest by `scale`.
static inline void widen_fnuz(
    const uint8_t *bytes, size_t count, float *target, int shift, float scale) {
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = (uint32_t)(bytes[i] & 0x7f) << shift;
    float value;
    memcpy(&value, &bits, 4);
    value *= scale;
    memcpy(&bits, &value, 4);
    bits |= (uint32_t)(bytes[i] & 0x80) << 24;
    bits = bytes[i] == 0x80 ? 0x7fc00000u : bits;
    memcpy(target + i, &bits, 4);
  }
}

void assay_f8e4m3fnuz_to_f32(const void *source, size_t count, float *target) {
  widen_fnuz(source, count, target, 20, 0x1p119f);
}

void assay_f8e5m2fnuz_to_f32(const void *source, size_t count, float *target) {
  widen_fnuz(source, count, target, 21, 0x1p111f);
}

void assay_f8e8m0fnu_to_f32(const void *source, size_t count, float *target) {
  const uint8_t *bytes = source;
  for (size_t i = 0; i < count; i++) {
    // The lowest power, 2^-127, is a subnormal float32.
    uint32_t bits = bytes[i] == 0 ? 0x00400000u : (uint32_t)bytes[i] << 23;
    bits = bytes[i] == 0xff ? 0x7fc00000u : bits;
    memcpy(target + i, &bits, 4);
  }
}

void assay_f4e2m1fn_to_f32(const void *source, size_t count, float *target) {
  static const float values[16] = {0,  0.5f,  1,  1.5f,  2,  3,  4,  6,
                                   -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};
  const uint8_t *bytes = source;
  for (size_t i = 0; i < count; i++) target[i] = values[bytes[i / 2] >> (i % 2 * 4) & 0xf];
}

#define WIDEN(NAME, TYPE, CONVERT)                                                 \
  void assay_##NAME##_to_f32(const void *source, size_t count, float *target) {    \
    const char *bytes = source;                                                    \
    for (size_t i = 0; i < count; i++) {                                           \
      TYPE value;                                                                  \
      memcpy(&value, bytes + i * sizeof value, sizeof value);                      \
      target[i] = (float)(CONVERT);                                                \
    }                                                                              \
  }                                                                                \
  void assay_##NAME##_to_f64(const void *source, size_t count, double *target) {   \
    const char *bytes = source;                                                    \
    for (size_t i = 0; i < count; i++) {                                           \
      TYPE value;                                                                  \
      memcpy(&value, bytes + i * sizeof value, sizeof value);                      \
      target[i] = (double)(CONVERT);                                               \
    }                                                                              \
  }
WIDEN(i8, int8_t, value)
WIDEN(i16, int16_t, value)
WIDEN(i32, int32_t, value)
WIDEN(i64, int64_t, value)
WIDEN(u8, uint8_t, value)
WIDEN(u16, uint16_t, value)
WIDEN(u32, uint32_t, value)
WIDEN(u64, uint64_t, value)
WIDEN(bool, uint8_t, value != 0)
WIDEN(f64, double, value)
WIDEN(f32, float, value)
