/* Looks at memory of the caller without trusting its pointers. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether all pages that the bytes lie in can be read. */
bool memory_readable(const void *start, size_t length);

/* Whether there is a readable text that ends in NUL within a generous limit. */
bool memory_is_text(const char *text);

#define DIGEST_START UINT64_C(0xcbf29ce484222325)

/* Continues a checksum (FNV-1a). */
uint64_t digest(uint64_t sum, const void *bytes, size_t length);

/* Continues a checksum over a text, which may be null. */
uint64_t digest_text(uint64_t sum, const char *text);

#endif
