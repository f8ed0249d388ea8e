/* Whether callers keep to the rules. Each check that fails is a line in the log. */
#ifndef CHECK_H
#define CHECK_H

#include "model.h"

bool check_params(const struct journal *journal, const struct model_params *params);

/* `resumes` allows an input without content, since a paused run goes on. */
bool check_input(const struct journal *journal, const struct input *input, bool resumes);

bool check_run(const struct journal *journal, const struct run_params *params);

/* A text that must be there. */
bool check_text(const struct journal *journal, const char *text, const char *name);

/* Checksum of all that inputs and parameters lead to. */
uint64_t check_digest(const struct input *inputs, size_t count, const struct run_params *params);

#endif
