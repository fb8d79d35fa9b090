#ifndef ASSAY_CDEFLATE_SHIM_H
#define ASSAY_CDEFLATE_SHIM_H
#include <libdeflate.h>
#endif
