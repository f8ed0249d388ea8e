#include <stdarg.h>
#include <stdio.h>

#include "suite.h"

static const char *group = "";
static int done;
static int failures;

void check_group(const char *name) {
    group = name;
}

void check(bool good, const char *condition, const char *file, int line, const char *text, ...) {
    done++;
    printf("%s %s: ", good ? "ok  " : "FAIL", group);
    va_list arguments;
    va_start(arguments, text);
    vprintf(text, arguments);
    va_end(arguments);
    if (!good) {
        failures++;
        printf(" (%s:%d: %s)", file, line, condition);
    }
    printf("\n");
    /* The library may crash in what follows. */
    fflush(stdout);
}

int check_failures(void) {
    printf("%d checks, %d failed\n", done, failures);
    return failures;
}
