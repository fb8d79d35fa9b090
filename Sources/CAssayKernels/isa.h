// How the bodies in *_body.h are compiled: once per instruction set, with these names.
#ifndef ASSAY_ISA_H
#define ASSAY_ISA_H

#include "AssayKernels.h"
#include <string.h>

// Vectors pass only between functions that are inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#if defined(__x86_64__)
#define ASSAY_X86 1
#include <immintrin.h>
#define ASSAY_TARGET_AVX2 __attribute__((target("avx,avx2,fma,f16c"), min_vector_width(256)))
#define ASSAY_TARGET_AVX512                                                          \
  __attribute__((                                                                    \
      target("avx,avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq"), \
      min_vector_width(512)))
#endif

// A rounded product must not depend on whether the machine can fuse it.
#pragma STDC FP_CONTRACT OFF

typedef float f32x16 __attribute__((ext_vector_type(16)));
typedef int32_t i32x16 __attribute__((ext_vector_type(16)));
typedef int64_t i64x8 __attribute__((ext_vector_type(8)));
typedef uint32_t u32x16 __attribute__((ext_vector_type(16)));
typedef uint16_t u16x16 __attribute__((ext_vector_type(16)));
typedef int8_t i8x16 __attribute__((ext_vector_type(16)));
typedef uint8_t u8x16 __attribute__((ext_vector_type(16)));
typedef int16_t i16x16 __attribute__((ext_vector_type(16)));
typedef float f32x8 __attribute__((ext_vector_type(8)));
typedef double f64x8 __attribute__((ext_vector_type(8)));
typedef int8_t i8x8 __attribute__((ext_vector_type(8)));
typedef uint8_t u8x8 __attribute__((ext_vector_type(8)));
typedef int16_t i16x8 __attribute__((ext_vector_type(8)));
typedef uint16_t u16x8 __attribute__((ext_vector_type(8)));
typedef int32_t i32x8 __attribute__((ext_vector_type(8)));
typedef uint32_t u32x8 __attribute__((ext_vector_type(8)));
typedef uint64_t u64x8 __attribute__((ext_vector_type(8)));

#define ASSAY_CONCAT_(a, b) a##_##b
#define ASSAY_CONCAT(a, b) ASSAY_CONCAT_(a, b)
#define NAMED(name) ASSAY_CONCAT(name, SUFFIX)

#endif
