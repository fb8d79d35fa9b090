#ifndef CASSAYHASHES_H
#define CASSAYHASHES_H

#include <stddef.h>
#include <stdint.h>

// What stands for libcrypto and libdeflate in builds without them. Portable, and slower.

/// A SHA-256 that is under way (FIPS 180-4).
typedef struct {
  uint32_t state[8];
  uint64_t count;
  uint8_t block[64];
} assay_sha256;

void assay_sha256_begin(assay_sha256 *hash);
void assay_sha256_update(assay_sha256 *hash, const void *bytes, size_t count);
/// Writes 32 bytes, after which nothing more can be added.
void assay_sha256_end(assay_sha256 *hash, uint8_t *digest);

/// The CRC-32 of zip archives (ISO 3309), which continues `start`.
uint32_t assay_crc32(uint32_t start, const void *bytes, size_t count);

#endif
