// The comparison for one instruction set; included once for each with SUFFIX, TARGET, LEVEL.

#define INLINE static inline __attribute__((always_inline)) TARGET

#include "conversion_vectors.h"

#include "comparison_body.h"
#include "comparison_wide_body.h"
#include "comparison_narrow_body.h"

// A function for each dtype, so that the choices by kind are made when it is compiled.
#define UPDATE(BLOCK, KIND)                                                                 \
  TARGET static void NAMED(ASSAY_CONCAT(update, KIND))(                                     \
      assay_comparison * state, const char *actual, const char *expected, size_t count) {   \
    for (size_t i = 0; i < count && !state->unserved; i += ASSAY_BLOCK) {                   \
      size_t part = count - i < ASSAY_BLOCK ? count - i : ASSAY_BLOCK;                      \
      size_t at = assay_kind_bytes(KIND, i);                                                \
      NAMED(BLOCK)(state, KIND, actual + at, expected + at, part);                          \
    }                                                                                       \
  }
#define ALL_KINDS(X)                                                                        \
  X(block, ASSAY_F32)                                                                       \
  X(block, ASSAY_BF16)                                                                      \
  X(block, ASSAY_F16)                                                                       \
  X(block, ASSAY_F8E4M3FN)                                                                  \
  X(block, ASSAY_F8E5M2)                                                                    \
  X(block, ASSAY_F8E4M3FNUZ)                                                                \
  X(block, ASSAY_F8E5M2FNUZ)                                                                \
  X(block, ASSAY_F8E8M0FNU)                                                                 \
  X(block, ASSAY_F4E2M1FN)                                                                  \
  X(wide_block, ASSAY_F64)                                                                  \
  X(narrow_block, ASSAY_I8)                                                                   \
  X(narrow_block, ASSAY_I16)                                                                  \
  X(wide_block, ASSAY_I32)                                                                  \
  X(wide_block, ASSAY_I64)                                                                  \
  X(narrow_block, ASSAY_U8)                                                                   \
  X(narrow_block, ASSAY_U16)                                                                  \
  X(wide_block, ASSAY_U32)                                                                  \
  X(wide_block, ASSAY_U64)                                                                  \
  X(narrow_block, ASSAY_BOOL)
ALL_KINDS(UPDATE)

TARGET static void NAMED(update)(
    assay_comparison *state, const char *actual, const char *expected, size_t count) {
  switch (state->kind) {
#define CASE(BLOCK, KIND) \
  case KIND: NAMED(ASSAY_CONCAT(update, KIND))(state, actual, expected, count); break;
    ALL_KINDS(CASE)
#undef CASE
  }
}

#undef ALL_KINDS
#undef UPDATE
#undef INLINE
