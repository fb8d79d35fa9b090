#include "isa.h"

uint64_t assay_splitmix64(uint64_t seed, uint64_t index) {
  uint64_t z = seed + (index + 1) * UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  return z ^ (z >> 31);
}

#define SUFFIX baseline
#define TARGET
#include "projection_body.h"
#undef SUFFIX
#undef TARGET

#ifdef ASSAY_X86
#define SUFFIX avx2
#define TARGET ASSAY_TARGET_AVX2
#include "projection_body.h"
#undef SUFFIX
#undef TARGET

#define SUFFIX avx512
#define TARGET ASSAY_TARGET_AVX512
#include "projection_body.h"
#undef SUFFIX
#undef TARGET
#endif

void assay_project(
    int isa, uint64_t seed, uint64_t first, const double *values, size_t count, size_t words,
    double *sums) {
#ifdef ASSAY_X86
  switch (isa) {
  case ASSAY_ISA_AVX512: project_avx512(seed, first, values, count, words, sums); return;
  case ASSAY_ISA_AVX2: project_avx2(seed, first, values, count, words, sums); return;
  default: break;
  }
#else
  (void)isa;
#endif
  project_baseline(seed, first, values, count, words, sums);
}
