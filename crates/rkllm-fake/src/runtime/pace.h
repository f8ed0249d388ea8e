/* Time: what the clock says, and waiting that an abort can end. */
#ifndef PACE_H
#define PACE_H

#include "model.h"

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t pace_now(void);

/* Waits; with `abortable` at most until the run is aborted. Returns whether it was. */
bool pace_wait(struct model *model, int64_t microseconds, bool abortable);

bool pace_aborted(struct model *model);

/* Waits where there is no run. */
void pace_sleep(int64_t milliseconds);

#endif
