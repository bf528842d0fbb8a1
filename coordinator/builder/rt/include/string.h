/* The four functions of <string.h> that generated code and compiler call; object.c defines them. */
#ifndef PROXIMA_RT_STRING_H
#define PROXIMA_RT_STRING_H
#include <stddef.h>
void* memcpy(void* restrict to, const void* restrict from, size_t bytes);
void* memmove(void* to, const void* from, size_t bytes);
void* memset(void* to, int value, size_t bytes);
int memcmp(const void* a, const void* b, size_t bytes);
#endif
