/* The tokens of a reply, one at a time. */
#ifndef REPLY_H
#define REPLY_H

#include "abi.h"
#include "script.h"
#include "tokens.h"

/* Id of the first token; others follow. */
#define FIRST_ID 1000

/* What one callback delivers of one entry of the batch. */
struct step {
    LLMCallState state;
    /* Valid until the next step; null for a token that is not complete yet. */
    const char *text;
    int32_t id;
};

/* A text that grows. */
struct buffer {
    char *bytes;
    size_t length;
    size_t room;
};

struct reply {
    /* Number in the batch. */
    size_t entry;
    /* Texts still to come are those from `index` up to `total`. */
    long index;
    long total;
    /* Steps made. */
    long steps;
    bool ended_text;
    /* The script's rule that the prompt met; RULES for none. */
    size_t rule;
    /* Where in the literal reply to go on. */
    size_t place;
    /* The prompt as `%p` shows it. */
    struct buffer prompt;
    /* The text being delivered, how far, and the part of it that the last step has. */
    struct buffer text;
    size_t delivered;
    size_t held;
    struct buffer piece;
};

/* Sets what `%p` shows and rules look at: the text, or the ids where there is no text. */
void reply_set_prompt(struct reply *reply, const char *text, const struct tokens *ids);

/* Begins anew with the prompt set before; the script's errors, if any, were reported before. */
void reply_begin(struct reply *reply, const struct script *script, size_t entry);

/* Whether no step will follow. */
bool reply_is_over(const struct reply *reply, const struct script *script);

/* The next step; false at the end of the reply. */
bool reply_next(struct reply *reply, const struct script *script, struct step *step);

void reply_free(struct reply *reply);

#endif
