// Sixteen lanes between float32 and the 16-bit formats; for inclusion in the *_body.h files.

INLINE f32x16 NAMED(widen_bf16)(u16x16 bits) {
  return (f32x16)(__builtin_convertvector(bits, u32x16) << 16);
}

INLINE f32x16 NAMED(widen_f16)(u16x16 bits) {
#if LEVEL >= 2
  return (f32x16)_mm512_cvtph_ps((__m256i)bits);
#elif LEVEL == 1
  f32x8 low = (f32x8)_mm256_cvtph_ps((__m128i)bits.lo);
  f32x8 high = (f32x8)_mm256_cvtph_ps((__m128i)bits.hi);
  return __builtin_shufflevector(
      low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#else
  u32x16 wide = __builtin_convertvector(bits, u32x16);
  u32x16 magnitude = (wide & 0x7fff) << 13;
  u32x16 special = (u32x16)(magnitude >= 0x0f800000u);
  u32x16 nan = (u32x16)(magnitude > 0x0f800000u);
  u32x16 small = (u32x16)(magnitude < 0x00800000u);
  u32x16 normal = magnitude + 0x38000000u + (special & 0x38000000u);
  // A subnormal is its fraction in units of 2^-24: let a subtraction normalise it.
  f32x16 subnormal = (f32x16)(magnitude + 0x38800000u) - 0x1p-14f;
  u32x16 value = (normal & ~small) | ((u32x16)subnormal & small) | (nan & 0x00400000u);
  return (f32x16)(value | (wide & 0x8000) << 16);
#endif
}

INLINE u16x16 NAMED(narrow_bf16)(f32x16 value) {
  u32x16 bits = (u32x16)value;
  u32x16 nan = (u32x16)((bits & 0x7fffffffu) > 0x7f800000u);
  u32x16 rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
  u32x16 result = (rounded & ~nan) | ((bits >> 16 | 0x40u) & nan);
  return __builtin_convertvector(result, u16x16);
}

INLINE u16x16 NAMED(narrow_f16)(f32x16 value) {
#if LEVEL >= 2
  return (u16x16)_mm512_cvtps_ph((__m512)value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif LEVEL == 1
  u16x16 result;
  __m128i low = _mm256_cvtps_ph((__m256)value.lo, _MM_FROUND_TO_NEAREST_INT);
  __m128i high = _mm256_cvtps_ph((__m256)value.hi, _MM_FROUND_TO_NEAREST_INT);
  memcpy(&result, &low, 16);
  memcpy((char *)&result + 16, &high, 16);
  return result;
#else
  u32x16 bits = (u32x16)value;
  u32x16 magnitude = bits & 0x7fffffffu;
  u32x16 nan = (u32x16)(magnitude > 0x7f800000u);
  u32x16 large = (u32x16)(magnitude >= 0x47800000u);
  u32x16 small = (u32x16)(magnitude < 0x38800000u);
  u32x16 normal = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1)) >> 13;
  // Adding 0.5 lines the fraction up with units of 2^-24 and rounds it.
  u32x16 subnormal = (u32x16)((f32x16)magnitude + 0.5f) - 0x3f000000u;
  u32x16 special = 0x7c00u | (nan & (0x200u | (magnitude >> 13 & 0x1ffu)));
  u32x16 result = (normal & ~small & ~large) | (subnormal & small) | (special & large);
  return __builtin_convertvector(result | (bits >> 16 & 0x8000), u16x16);
#endif
}
