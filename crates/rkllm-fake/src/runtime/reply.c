#include "reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pace.h"

#define DEFAULT_TOKENS 8
/* Ids repeat after this many, far below those of any vocabulary's end. */
#define ID_COUNT 10000

static void append(struct buffer *buffer, const char *bytes, size_t length) {
    if (buffer->length + length + 1 > buffer->room) {
        buffer->room = 2 * buffer->room + length + 1;
        buffer->bytes = realloc(buffer->bytes, buffer->room);
    }
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
    buffer->bytes[buffer->length] = '\0';
}

static void assign(struct buffer *buffer, const char *bytes, size_t length) {
    buffer->length = 0;
    append(buffer, bytes, length);
}

static void append_number(struct buffer *buffer, long long number) {
    char digits[24];
    append(buffer, digits, (size_t)snprintf(digits, sizeof digits, "%lld", number));
}

/* Bytes of the character that begins at `text`: its first byte and those that go on with it. */
static size_t character_length(const char *text) {
    size_t length = text[0] != '\0';
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length++;
    return length;
}

/* Length of the piece at `text`; `*skip` is how far to go on from its end. */
static size_t piece_length(const struct script *script, const char *text, size_t *skip) {
    *skip = 0;
    if (script->reply_separator == NULL || script->reply_separator[0] == '\0')
        return character_length(text);
    const char *end = strstr(text, script->reply_separator);
    if (end == NULL)
        return strlen(text);
    *skip = strlen(script->reply_separator);
    return (size_t)(end - text);
}

/* The literal reply to this prompt, if there is one. */
static const char *literal(const struct reply *reply, const struct script *script) {
    const char *chosen = reply->rule < RULES ? script->rules[reply->rule].reply : NULL;
    return chosen != NULL ? chosen : script->reply;
}

static long count_pieces(const struct script *script, const char *text) {
    long count = 0;
    size_t skip;
    for (const char *at = text; *at != '\0'; count++) {
        at += piece_length(script, at, &skip);
        at += skip;
    }
    return count;
}

/* The number for `entry` in a list such as `3,1,5`; the last one stands for all that follow. */
static long in_list(const char *list, size_t entry) {
    char *end;
    long number = strtol(list, &end, 10);
    while (entry-- > 0 && *end == ',')
        number = strtol(end + 1, &end, 10);
    return number;
}

static long total(const struct reply *reply, const struct script *script) {
    if (script->batch_tokens != NULL)
        return in_list(script->batch_tokens, reply->entry);
    if (script->tokens != UNSET)
        return script->tokens;
    const char *text = literal(reply, script);
    return text != NULL ? count_pieces(script, text) : DEFAULT_TOKENS;
}

/* The first rule with a reply whose text the prompt contains; RULES when there is none. */
static size_t matching_rule(const char *prompt, const struct script *script) {
    size_t rule = 0;
    for (; rule < RULES; rule++) {
        const struct rule *at = &script->rules[rule];
        if (at->when != NULL && at->reply != NULL && strstr(prompt, at->when) != NULL)
            break;
    }
    return rule;
}

void reply_begin(struct reply *reply, const struct script *script, size_t entry) {
    reply->entry = entry;
    reply->index = reply->steps = 0;
    reply->place = 0;
    reply->rule = matching_rule(reply->prompt.bytes, script);
    reply->total = total(reply, script);
    reply->ended_text = false;
    reply->delivered = reply->held = 0;
    assign(&reply->text, "", 0);
}

void reply_set_prompt(struct reply *reply, const char *text, const struct tokens *ids) {
    assign(&reply->prompt, "", 0);
    if (text != NULL) {
        append(&reply->prompt, text, strlen(text));
        return;
    }
    for (size_t i = 0; i < ids->length; i++) {
        if (i > 0)
            append(&reply->prompt, " ", 1);
        append_number(&reply->prompt, ids->ids[i]);
    }
}

static void expand(struct reply *reply, const char *pattern) {
    struct buffer *text = &reply->text;
    for (const char *at = pattern; *at != '\0';) {
        size_t plain = strcspn(at, "%");
        append(text, at, plain);
        at += plain;
        if (*at == '\0')
            break;
        switch (at[1]) {
        case 'd':
            append_number(text, reply->index);
            break;
        case 'b':
            append_number(text, (long long)reply->entry);
            break;
        case 'T':
            append_number(text, pace_now());
            break;
        case 'p':
            append(text, reply->prompt.bytes, reply->prompt.length);
            break;
        default:
            append(text, "%", 1);
            at++;
            continue;
        }
        at += 2;
    }
}

/* The next piece of the literal reply, which begins again when it is used up. */
static void take_piece(struct reply *reply, const struct script *script) {
    /* The script may have become shorter since a run was paused. */
    const char *whole = literal(reply, script);
    if (strnlen(whole, reply->place + 1) <= reply->place)
        reply->place = 0;
    const char *at = whole + reply->place;
    size_t skip, length = piece_length(script, at, &skip);
    append(&reply->text, at, length);
    reply->place += length + skip;
}

static bool end_is_due(const struct reply *reply, const struct script *script) {
    long place = script->eos_after != UNSET ? script->eos_after : reply->total;
    return script->eos_as_text != NULL && !reply->ended_text && reply->index == place;
}

bool reply_is_over(const struct reply *reply, const struct script *script) {
    return reply->delivered == reply->text.length && !end_is_due(reply, script)
        && reply->index >= reply->total;
}

/* Composes the next text. */
static void compose(struct reply *reply, const struct script *script, struct step *step) {
    assign(&reply->text, "", 0);
    reply->delivered = reply->held = 0;
    if (end_is_due(reply, script)) {
        reply->ended_text = true;
        step->id = (int32_t)script->eos_id;
        append(&reply->text, script->eos_as_text, strlen(script->eos_as_text));
        return;
    }
    if (literal(reply, script) != NULL)
        take_piece(reply, script);
    else
        expand(reply, script->text);
    reply->index++;
}

/* Characters of one byte that follow each other come together. */
static size_t plain_length(const char *text) {
    size_t length = 0;
    while (text[length] != '\0' && (unsigned char)text[length] < 0x80)
        length++;
    return length;
}

/* The next part of a text whose characters come byte by byte. */
static void split(struct reply *reply, enum split mode, struct step *step) {
    const char *at = reply->text.bytes + reply->delivered;
    size_t plain = plain_length(at);
    size_t whole = plain > 0 ? plain : character_length(at);
    step->state = RKLLM_RUN_NORMAL;
    if (plain > 0 || mode == SPLIT_RAW) {
        size_t length = plain > 0 ? plain : 1;
        assign(&reply->piece, at, length);
        reply->delivered += length;
    } else if (++reply->held < whole) {
        step->state = RKLLM_RUN_WAITING;
        assign(&reply->piece, at, reply->held);
    } else {
        assign(&reply->piece, at, whole);
        reply->delivered += whole;
        reply->held = 0;
    }
    bool hidden = step->state == RKLLM_RUN_WAITING && mode == SPLIT_WAITING;
    step->text = hidden ? NULL : reply->piece.bytes;
}

bool reply_next(struct reply *reply, const struct script *script, struct step *step) {
    if (reply_is_over(reply, script))
        return false;
    step->id = FIRST_ID + (int32_t)(reply->steps % ID_COUNT);
    if (reply->delivered == reply->text.length)
        compose(reply, script, step);
    reply->steps++;
    step->state = RKLLM_RUN_NORMAL;
    step->text = reply->text.bytes;
    if (script->split_utf8 == SPLIT_OFF || reply->text.length == 0)
        reply->delivered = reply->text.length;
    else
        split(reply, (enum split)script->split_utf8, step);
    return true;
}

void reply_free(struct reply *reply) {
    free(reply->prompt.bytes);
    free(reply->text.bytes);
    free(reply->piece.bytes);
}
