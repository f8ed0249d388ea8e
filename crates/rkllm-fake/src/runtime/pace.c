#include "pace.h"

#include <errno.h>
#include <time.h>

#define SECOND INT64_C(1000000000)

static struct timespec at(int64_t nanoseconds) {
    return (struct timespec){ .tv_sec = nanoseconds / SECOND, .tv_nsec = nanoseconds % SECOND };
}

int64_t pace_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

static void sleep_until(int64_t nanoseconds) {
    struct timespec deadline = at(nanoseconds);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == EINTR)
        ;
}

bool pace_wait(struct model *model, int64_t microseconds, bool abortable) {
    int64_t end = pace_now() + microseconds * 1000;
    if (!abortable) {
        sleep_until(end);
        return false;
    }
    struct timespec deadline = at(end);
    pthread_mutex_lock(&model->mutex);
    while (!model->aborted
           && pthread_cond_timedwait(&model->changed, &model->mutex, &deadline) != ETIMEDOUT)
        ;
    bool aborted = model->aborted;
    pthread_mutex_unlock(&model->mutex);
    return aborted;
}

bool pace_aborted(struct model *model) {
    pthread_mutex_lock(&model->mutex);
    bool aborted = model->aborted;
    pthread_mutex_unlock(&model->mutex);
    return aborted;
}

void pace_sleep(int64_t milliseconds) {
    sleep_until(pace_now() + milliseconds * 1000000);
}
