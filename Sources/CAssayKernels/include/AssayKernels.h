// The hot loops of Assay, compiled per instruction set and chosen at run time.
#ifndef ASSAY_KERNELS_H
#define ASSAY_KERNELS_H
#include <stddef.h>
#include <stdint.h>
#endif
