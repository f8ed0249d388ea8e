#include "memory.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Longest text that is taken for one. */
#define TEXT_MAX_BYTES ((size_t)256 << 20)

/* The kernel reads the byte for us and reports a bad address where we would crash. */
static bool probe(const int pipe_ends[2], const char *byte) {
    char drained;
    return write(pipe_ends[1], byte, 1) == 1 && read(pipe_ends[0], &drained, 1) == 1;
}

static const char *next_page(const char *at) {
    uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
    return (const char *)(((uintptr_t)at / size + 1) * size);
}

bool memory_readable(const void *start, size_t length) {
    if (start == NULL)
        return false;
    if ((uintptr_t)start + length < (uintptr_t)start)
        return false;
    int ends[2];
    /* Without a pipe nothing can be said against the pointer. */
    if (pipe2(ends, O_CLOEXEC) != 0)
        return true;
    bool good = true;
    const char *end = (const char *)start + length;
    for (const char *at = start; good && at < end; at = next_page(at))
        good = probe(ends, at);
    close(ends[0]);
    close(ends[1]);
    return good;
}

bool memory_is_text(const char *text) {
    for (const char *at = text; at != NULL && (size_t)(at - text) < TEXT_MAX_BYTES;) {
        const char *end = next_page(at);
        if (!memory_readable(at, 1))
            return false;
        if (memchr(at, '\0', (size_t)(end - at)) != NULL)
            return true;
        at = end;
    }
    return false;
}

uint64_t digest(uint64_t sum, const void *bytes, size_t length) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ at[i]) * UINT64_C(0x100000001b3);
    return sum;
}

uint64_t digest_text(uint64_t sum, const char *text) {
    /* With its NUL, so that a null pointer and an empty text differ. */
    return text == NULL ? digest(sum, "null", 4) : digest(sum, text, strlen(text) + 1);
}
