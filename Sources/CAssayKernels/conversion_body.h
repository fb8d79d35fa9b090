// Vector conversions for one instruction set; included once for each with SUFFIX, TARGET and LEVEL.

#define INLINE static inline __attribute__((always_inline)) TARGET

#include "conversion_vectors.h"

#define CONVERT(NAME, SOURCE, TARGET_TYPE, EXPRESSION)                            \
  TARGET static void NAMED(NAME)(const char *source, size_t count, char *target) { \
    size_t i = 0;                                                                 \
    for (; i + 16 <= count; i += 16) {                                            \
      SOURCE x;                                                                   \
      memcpy(&x, source + i * (sizeof x / 16), sizeof x);                         \
      TARGET_TYPE y = EXPRESSION;                                                 \
      memcpy(target + i * (sizeof y / 16), &y, sizeof y);                         \
    }                                                                             \
    if (i < count) {                                                              \
      SOURCE x = 0;                                                               \
      memcpy(&x, source + i * (sizeof x / 16), (count - i) * (sizeof x / 16));    \
      TARGET_TYPE y = EXPRESSION;                                                 \
      memcpy(target + i * (sizeof y / 16), &y, (count - i) * (sizeof y / 16));    \
    }                                                                             \
  }

CONVERT(convert_f16_f32, u16x16, f32x16, NAMED(widen_f16)(x))
CONVERT(convert_bf16_f32, u16x16, f32x16, NAMED(widen_bf16)(x))
CONVERT(convert_f32_f16, f32x16, u16x16, NAMED(narrow_f16)(x))
CONVERT(convert_f32_bf16, f32x16, u16x16, NAMED(narrow_bf16)(x))
CONVERT(convert_round_f16, f32x16, f32x16, NAMED(widen_f16)(NAMED(narrow_f16)(x)))
CONVERT(convert_round_bf16, f32x16, f32x16, NAMED(widen_bf16)(NAMED(narrow_bf16)(x)))

#undef CONVERT
#undef INLINE
