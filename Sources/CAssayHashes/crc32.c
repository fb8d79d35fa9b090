#include "CAssayHashes.h"

// tables[n][b]: what a byte b does to the checksum when n bytes follow it.
static uint32_t tables[8][256];

__attribute__((constructor)) static void make_tables(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xedb88320u : 0);
    tables[0][byte] = value;
  }
  for (int n = 1; n < 8; n++)
    for (int byte = 0; byte < 256; byte++) {
      uint32_t value = tables[n - 1][byte];
      tables[n][byte] = value >> 8 ^ tables[0][value & 0xff];
    }
}

uint32_t assay_crc32(uint32_t start, const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  uint32_t value = ~start;
  for (; count >= 8; next += 8, count -= 8) {
    uint32_t low = value ^ ((uint32_t)next[0] | (uint32_t)next[1] << 8 | (uint32_t)next[2] << 16 |
                            (uint32_t)next[3] << 24);
    value = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^ tables[5][low >> 16 & 0xff] ^
            tables[4][low >> 24] ^ tables[3][next[4]] ^ tables[2][next[5]] ^ tables[1][next[6]] ^
            tables[0][next[7]];
  }
  for (; count > 0; next++, count--) value = value >> 8 ^ tables[0][(value ^ *next) & 0xff];
  return ~value;
}
