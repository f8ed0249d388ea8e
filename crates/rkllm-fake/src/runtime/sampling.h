/* How sampling values look in the log. */
#ifndef SAMPLING_H
#define SAMPLING_H

#include "abi.h"

/* Room for the text, with its NUL. */
#define SAMPLING_TEXT 256

/* Writes the nine values to `text` and returns it. */
const char *sampling_text(const struct sampling *sampling, char text[SAMPLING_TEXT]);

#endif
