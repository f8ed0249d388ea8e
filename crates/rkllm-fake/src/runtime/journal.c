#include "journal.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A line longer than this is cut. */
#define LINE_MAX_BYTES 1024

/* One write(2) on a file opened for appending: lines of many threads and processes stay whole. */
static void append(const struct journal *journal, const char *kind, const char *format,
                   va_list values) {
    char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 64];
    vsnprintf(text, sizeof text, format, values);
    int length = snprintf(line, sizeof line, "%s%s pid=%d\n", kind, text, (int)getpid());
    if (journal->path == NULL) {
        fprintf(stderr, "rkllm-fake: %s", line);
        return;
    }
    int file = open(journal->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0 || write(file, line, (size_t)length) != length)
        fprintf(stderr, "rkllm-fake: cannot write to %s: %s", journal->path, line);
    if (file >= 0)
        close(file);
}

void journal_event(const struct journal *journal, const char *format, ...) {
    if (journal->path == NULL)
        return;
    va_list values;
    va_start(values, format);
    append(journal, "", format, values);
    va_end(values);
}

void journal_misuse(const struct journal *journal, const char *format, ...) {
    va_list values;
    va_start(values, format);
    append(journal, "MISUSE ", format, values);
    va_end(values);
    if (journal->strict)
        abort();
}
