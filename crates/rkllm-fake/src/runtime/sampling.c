#include "sampling.h"

#include <stdio.h>

const char *sampling_text(const struct sampling *sampling, char text[SAMPLING_TEXT]) {
    snprintf(text, SAMPLING_TEXT,
             "top_k=%d top_p=%g temperature=%g repeat_penalty=%g frequency_penalty=%g "
             "presence_penalty=%g mirostat=%d mirostat_tau=%g mirostat_eta=%g",
             (int)sampling->top_k, (double)sampling->top_p, (double)sampling->temperature,
             (double)sampling->repeat_penalty, (double)sampling->frequency_penalty,
             (double)sampling->presence_penalty, (int)sampling->mirostat,
             (double)sampling->mirostat_tau, (double)sampling->mirostat_eta);
    return text;
}
