// What the per-instruction-set bodies and the scalar part of the comparison share.
#ifndef ASSAY_COMPARISON_H
#define ASSAY_COMPARISON_H

#include "isa.h"

enum { ASSAY_BLOCK = 2048 };

/// A block's elements as float32, and their places in the order of the dtype's values.
typedef struct {
  float actual[ASSAY_BLOCK], expected[ASSAY_BLOCK];
  int32_t actual_key[ASSAY_BLOCK], expected_key[ASSAY_BLOCK];
} assay_block;

/// Ends the row and compares it with the worst so far.
void assay_end_row(assay_comparison *state);

/// Looks at elements of a finite block that raised a maximum; sums and counts are not touched.
void assay_raise_maxima(
    assay_comparison *state, const assay_block *block, size_t first, size_t count);

/// Feeds a block with NaN, infinities or overflowing differences, element by element.
void assay_feed_elements(assay_comparison *state, const assay_block *block, size_t count);

#endif
