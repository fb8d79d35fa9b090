// The census of both widths for one instruction set.

#define NAME census_f32
#define REAL float
#define FLOATS f32x16
#define INTS i32x16
#define LANES 16
#define MAGNITUDE 0x7fffffff
#define INFINITY_BITS 0x7f800000
#include "census_body.h"
#undef NAME
#undef REAL
#undef FLOATS
#undef INTS
#undef LANES
#undef MAGNITUDE
#undef INFINITY_BITS

#define NAME census_f64
#define REAL double
#define FLOATS f64x8
#define INTS i64x8
#define LANES 8
#define MAGNITUDE INT64_MAX
#define INFINITY_BITS INT64_C(0x7ff0000000000000)
#include "census_body.h"
#undef NAME
#undef REAL
#undef FLOATS
#undef INTS
#undef LANES
#undef MAGNITUDE
#undef INFINITY_BITS
