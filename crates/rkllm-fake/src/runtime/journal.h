/* The log file: one line per event and per mistake of the caller. */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>

struct journal {
    /* File to append to; null for none, then mistakes go to stderr. */
    char *path;
    /* Whether a mistake of the caller ends the process. */
    bool strict;
};

/* Appends one line, complete even if the process is killed right after. */
void journal_event(const struct journal *journal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends `MISUSE` and the line; in strict mode the process aborts. */
void journal_misuse(const struct journal *journal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
