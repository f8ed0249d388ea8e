/* Loaded into a process, shifts its wall clock by the seconds in the file named by CLOCK_SHIFT. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long shift(void) {
    long seconds = 0;
    const char *path = getenv("CLOCK_SHIFT");
    FILE *file = path == NULL ? NULL : fopen(path, "re");
    if (file != NULL) {
        if (fscanf(file, "%ld", &seconds) != 1)
            seconds = 0;
        fclose(file);
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int status = (int)syscall(SYS_clock_gettime, clock, now);
    if (status == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += shift();
    return status;
}
