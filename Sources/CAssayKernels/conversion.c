#include "AssayKernels.h"
