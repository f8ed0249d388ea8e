/* What goes wrong on cue: death, hanging, noise, lost memory. */
#ifndef FAULT_H
#define FAULT_H

#include "model.h"

/*
 * Crashes or hangs if the script says so for this stage. `progress` counts what came before: tokens
 * of the run while decoding, otherwise earlier times that the process came to this stage. Returns
 * true when a hang was ended by an abort; `model` may be null where there is no run.
 */
bool fault_at(const struct script *script, const struct journal *journal, struct model *model,
              enum stage stage, long progress);

/* Prints the script's lines and leaks its memory. */
void fault_noise(const struct script *script);

#endif
