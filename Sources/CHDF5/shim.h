// Getters for what Swift cannot import from libhdf5: macros and the `_g` globals.
#ifndef ASSAY_CHDF5_SHIM_H
#define ASSAY_CHDF5_SHIM_H
#include <hdf5.h>
#endif
