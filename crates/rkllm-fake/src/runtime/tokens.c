#include "tokens.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "model.h"

void tokens_push(struct tokens *tokens, int32_t id) {
    tokens_append(tokens, &id, 1);
}

void tokens_append(struct tokens *tokens, const int32_t *ids, size_t count) {
    if (count == 0)
        return;
    if (tokens->length + count > tokens->room) {
        tokens->room = 2 * tokens->room + count;
        tokens->ids = realloc(tokens->ids, tokens->room * sizeof *tokens->ids);
    }
    memcpy(tokens->ids + tokens->length, ids, count * sizeof *ids);
    tokens->length += count;
}

static int32_t id_of(const void *bytes, size_t length) {
    return (int32_t)(digest(DIGEST_START, bytes, length) & INT32_MAX);
}

void tokens_append_words(struct tokens *tokens, const char *text) {
    static const char blanks[] = " \t\r\n";
    for (text += strspn(text, blanks); *text != '\0'; text += strspn(text, blanks)) {
        size_t length = strcspn(text, blanks);
        tokens_push(tokens, id_of(text, length));
        text += length;
    }
}

void tokens_append_rows(struct tokens *tokens, const float *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        tokens_push(tokens, id_of(rows + i * EMBEDDING_WIDTH, EMBEDDING_WIDTH * sizeof *rows));
}

size_t tokens_common(const struct tokens *one, const struct tokens *other) {
    size_t count = 0;
    while (count < one->length && count < other->length && one->ids[count] == other->ids[count])
        count++;
    return count;
}

void tokens_remove(struct tokens *tokens, size_t start, size_t end) {
    end = end < tokens->length ? end : tokens->length;
    if (start >= end)
        return;
    memmove(tokens->ids + start, tokens->ids + end, (tokens->length - end) * sizeof *tokens->ids);
    tokens->length -= end - start;
}

void tokens_free(struct tokens *tokens) {
    free(tokens->ids);
    *tokens = (struct tokens){ 0 };
}
