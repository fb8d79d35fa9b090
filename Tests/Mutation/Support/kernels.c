// Which change of the kernels is made, by ASSAY_MUTANT.
#include <stdlib.h>

long assay_chosen;

__attribute__((constructor)) static void read_chosen(void) {
  const char *text = getenv("ASSAY_MUTANT");
  if (text) assay_chosen = atol(text);
}
