#include "prompt.h"

#include <stdlib.h>
#include <string.h>

/* Behind a buffer that a callback fills. */
#define GUARD INT32_C(0x6b6e756a)

char *prompt_text(const struct model *model, const struct input *input, bool first_turn) {
    if (input->text == NULL)
        return NULL;
    char *const *template = model->chat_template;
    if (template[0] == NULL)
        return strdup(input->text);
    const char *parts[] = { first_turn ? template[0] : "", template[1], input->text, template[2] };
    size_t length = 1;
    for (size_t i = 0; i < 4; i++)
        length += strlen(parts[i]);
    char *text = malloc(length);
    text[0] = '\0';
    for (size_t i = 0; i < 4; i++)
        strcat(text, parts[i]);
    return text;
}

/* A buffer of `count` words of 32 bits with a guard behind it. */
static int32_t *guarded(size_t count) {
    int32_t *words = calloc(count + 1, sizeof *words);
    words[count] = GUARD;
    return words;
}

static bool is_intact(const struct handle *handle, const int32_t *words, size_t count) {
    if (words[count] == GUARD)
        return true;
    journal_misuse(&handle->journal, "a callback wrote beyond its buffer");
    return false;
}

static bool tokenize(const struct handle *handle, const char *text, struct tokens *tokens) {
    const struct callbacks *callbacks = &handle->model->callbacks;
    int32_t room = handle->model->max_context_len;
    int32_t *ids = guarded((size_t)room);
    int count = callbacks->tokenize(callbacks->tokenize_userdata, text, (int32_t)strlen(text), ids,
                                    room);
    bool good = is_intact(handle, ids, (size_t)room) && count >= 0 && count <= room;
    if (count > room)
        journal_misuse(&handle->journal, "the tokenizer callback says %d of at most %d tokens",
                       count, (int)room);
    if (good)
        tokens_append(tokens, ids, (size_t)count);
    free(ids);
    journal_event(&handle->journal, "tokenizer_callback result=%d", count);
    return good;
}

static bool embed(const struct handle *handle, const struct tokens *tokens) {
    const struct callbacks *callbacks = &handle->model->callbacks;
    size_t words = tokens->length * EMBEDDING_WIDTH;
    int32_t *rows = guarded(words);
    int status = callbacks->embed(callbacks->embed_userdata, tokens->ids, tokens->length, rows,
                                  words * sizeof *rows);
    bool good = is_intact(handle, rows, words) && status == 0;
    free(rows);
    journal_event(&handle->journal, "embed_callback tokens=%zu result=%d", tokens->length, status);
    return good;
}

bool prompt_tokens(const struct handle *handle, const struct input *input, const char *text,
                   struct tokens *tokens) {
    const struct callbacks *callbacks = &handle->model->callbacks;
    if (text != NULL && callbacks->tokenize != NULL) {
        if (!tokenize(handle, text, tokens))
            return false;
    } else if (text != NULL) {
        tokens_append_words(tokens, text);
    }
    if (input->ids != NULL)
        tokens_append(tokens, input->ids, input->length);
    if (callbacks->embed != NULL && tokens->length > 0 && !embed(handle, tokens))
        return false;
    if (input->embed != NULL)
        tokens_append_rows(tokens, input->embed, input->length);
    for (size_t i = 0; i < input->media_kinds; i++) {
        const struct media *media = &input->media[i];
        tokens_append_rows(tokens, media->embed, media->rows_of_each * media->count);
    }
    return true;
}
