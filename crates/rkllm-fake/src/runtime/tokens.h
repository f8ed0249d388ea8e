/* Lists of token ids. */
#ifndef TOKENS_H
#define TOKENS_H

#include <stddef.h>
#include <stdint.h>

struct tokens {
    int32_t *ids;
    size_t length;
    size_t room;
};

void tokens_push(struct tokens *tokens, int32_t id);

void tokens_append(struct tokens *tokens, const int32_t *ids, size_t count);

/* One token per word of the text, with an id that depends on the word alone. */
void tokens_append_words(struct tokens *tokens, const char *text);

/* One token per row of floats, with an id that depends on the row alone. */
void tokens_append_rows(struct tokens *tokens, const float *rows, size_t count);

/* How many tokens both lists begin with. */
size_t tokens_common(const struct tokens *one, const struct tokens *other);

/* Takes the tokens from `start` up to, but without, `end` out of the list. */
void tokens_remove(struct tokens *tokens, size_t start, size_t end);

void tokens_free(struct tokens *tokens);

#endif
