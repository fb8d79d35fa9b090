// What the per-instruction-set bodies and the scalar part of the comparison share.
#ifndef ASSAY_COMPARISON_H
#define ASSAY_COMPARISON_H

#include "isa.h"

enum { ASSAY_BLOCK = 2048 };

// The magnitudes of float64 whose differences have squares in range, far from rounding to zero.
#define ASSAY_SMALLEST 0x1p-440
#define ASSAY_LARGEST 0x1p480

/// A block's elements as float32, and their places in the order of the dtype's values.
typedef struct {
  float actual[ASSAY_BLOCK], expected[ASSAY_BLOCK];
  int32_t actual_key[ASSAY_BLOCK], expected_key[ASSAY_BLOCK];
} assay_block;

/// How far up the keys of a float of up to 32 bits are shifted.
static inline int assay_key_shift(int kind) {
  switch (kind) {
  case ASSAY_F32: return 0;
  case ASSAY_BF16:
  case ASSAY_F16: return 16;
  case ASSAY_F8E8M0FNU: return 23;
  case ASSAY_F4E2M1FN: return 28;
  default: return 24;
  }
}

/// The bytes of some elements; two of the packed ones share one.
static inline size_t assay_kind_bytes(int kind, size_t count) {
  switch (kind) {
  case ASSAY_F64:
  case ASSAY_I64:
  case ASSAY_U64: return count * 8;
  case ASSAY_F32:
  case ASSAY_I32:
  case ASSAY_U32: return count * 4;
  case ASSAY_BF16:
  case ASSAY_F16:
  case ASSAY_I16:
  case ASSAY_U16: return count * 2;
  case ASSAY_F4E2M1FN: return (count + 1) / 2;
  default: return count;
  }
}

/// Ends the row and compares it with the worst so far.
void assay_end_row(assay_comparison *state);

/// Looks at elements of a finite block that raised a maximum; sums and counts are not touched.
void assay_raise_maxima(
    assay_comparison *state, const assay_block *block, size_t first, size_t count);

/// The same for up to eight elements as float64.
void assay_raise_wide(
    assay_comparison *state, const double *actual, const double *expected, int64_t index,
    size_t count);

/// Feeds a block with NaN, infinities or overflowing differences, element by element.
void assay_feed_elements(assay_comparison *state, const assay_block *block, size_t count);

/// The same for float64 elements, which need no alignment.
void assay_feed_wide(
    assay_comparison *state, const char *actual, const char *expected, size_t count);

#endif
