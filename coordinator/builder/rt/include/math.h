/* The part of <math.h> that generated code uses. */
#ifndef PROXIMA_RT_MATH_H
#define PROXIMA_RT_MATH_H
#define isnan(x) __builtin_isnan(x)
#define signbit(x) __builtin_signbit(x)
#define fabs(x) __builtin_fabs(x)
#define fabsf(x) __builtin_fabsf(x)
#define sqrt(x) __builtin_sqrt(x)
#define sqrtf(x) __builtin_sqrtf(x)
#define copysign(x, y) __builtin_copysign(x, y)
#define copysignf(x, y) __builtin_copysignf(x, y)
double ceil(double);
double floor(double);
double trunc(double);
double nearbyint(double);
float ceilf(float);
float floorf(float);
float truncf(float);
float nearbyintf(float);
#endif
