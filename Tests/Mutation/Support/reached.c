// Which change is made, by ASSAY_MUTANT, and which were reached, into the file ASSAY_REACHED.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { LIMIT = 1 << 16 };
static long chosen;
static unsigned char reached[LIMIT];

// A process of its own that a test starts adds to what is there.
static void write_reached(void) {
  const char *path = getenv("ASSAY_REACHED");
  if (!path) return;
  static unsigned char before[LIMIT];
  FILE *file = fopen(path, "rb");
  size_t count = file ? fread(before, 1, LIMIT, file) : 0;
  if (file) fclose(file);
  for (size_t i = 0; i < count; i++) reached[i] |= before[i];
  file = fopen(path, "wb");
  if (!file) return;
  fwrite(reached, 1, LIMIT, file);
  fclose(file);
}

__attribute__((constructor)) static void read_chosen(void) {
  const char *text = getenv("ASSAY_MUTANT");
  if (text) chosen = atol(text);
  atexit(write_reached);
}

bool assay_mutant_is(long number) {
  if (number > 0 && number < LIMIT) reached[number] = 1;
  return number == chosen;
}
