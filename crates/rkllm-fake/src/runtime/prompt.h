/* What an input means: its text in the chat template, and its tokens. */
#ifndef PROMPT_H
#define PROMPT_H

#include "model.h"

/* The text with the chat template around it, to be freed; null for an input without text. */
char *prompt_text(const struct model *model, const struct input *input, bool first_turn);

/*
 * Appends the tokens of the input; `text` is that of prompt_text. Asks the caller's tokenizer and
 * embedding callbacks if there are any; false when one fails.
 */
bool prompt_tokens(const struct handle *handle, const struct input *input, const char *text,
                   struct tokens *tokens);

#endif
