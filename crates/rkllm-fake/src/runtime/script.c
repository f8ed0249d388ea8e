#include "script.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "RKLLM_FAKE_"
/* First line of a model file that is a script. */
#define MAGIC "# rkllm-fake"

extern char **environ;

enum kind {
    /* A whole number of at least `least`. */
    NUMBER,
    /* A number or the word `forever`. */
    AMOUNT,
    /* Text with the escapes \n, \t and \\. */
    TEXT,
    /* One of `words`, stored as its index. */
    CHOICE,
};

struct key {
    const char *name;
    enum kind kind;
    size_t offset;
    long least;
    const char *words;
};

#define AT(field) offsetof(struct script, field)
#define FLAG(name, field) { name, CHOICE, AT(field), 0, "0|1" }
#define COUNT(name, field) { name, NUMBER, AT(field), 0, NULL }
#define STRING(name, field) { name, TEXT, AT(field), 0, NULL }
#define RULE(digit)                                      \
    STRING("WHEN_" #digit, rules[digit - 1].when),       \
    STRING("REPLY_" #digit, rules[digit - 1].reply)
#define STAGES "none|init|prefill|decode|destroy"

static const struct key keys[] = {
    STRING("LOG", log),
    FLAG("STRICT", strict),
    { "TOKENS", AMOUNT, AT(tokens), 0, NULL },
    STRING("TEXT", text),
    STRING("REPLY", reply),
    RULE(1), RULE(2), RULE(3), RULE(4), RULE(5), RULE(6), RULE(7), RULE(8),
    STRING("REPLY_SEPARATOR", reply_separator),
    STRING("BATCH_TOKENS", batch_tokens),
    STRING("EOS_AS_TEXT", eos_as_text),
    COUNT("EOS_AFTER", eos_after),
    COUNT("EOS_ID", eos_id),
    { "SPLIT_UTF8", CHOICE, AT(split_utf8), 0, "off|waiting|waiting-bytes|raw" },
    COUNT("INIT_MS", init_ms),
    COUNT("PREFILL_MS", prefill_ms),
    COUNT("TOKEN_US", token_us),
    COUNT("TAIL_MS", tail_ms),
    { "FINISH_TEXT", CHOICE, AT(finish_text), 0, "empty|null|no-result" },
    FLAG("NO_FINISH", no_finish),
    FLAG("TENSOR_FINISH", tensor_finish),
    FLAG("EMPTY", empty),
    { "RUN_STATUS", NUMBER, AT(run_status), INT_MIN, NULL },
    COUNT("ERROR_AFTER", error_after),
    COUNT("UNKNOWN_STATE_AFTER", unknown_state_after),
    COUNT("NULL_TEXT_AFTER", null_text_after),
    { "INIT_STATUS", NUMBER, AT(init_status), INT_MIN, NULL },
    FLAG("INIT_NULL_HANDLE", init_null_handle),
    { "ABORT_END", CHOICE, AT(abort_end), 0, "finish|error|none" },
    FLAG("IGNORE_ABORT", ignore_abort),
    FLAG("PREFILL_ABORTABLE", prefill_abortable),
    { "CRASH_IN", CHOICE, AT(crash_in), 0, STAGES },
    COUNT("CRASH_AFTER", crash_after),
    { "CRASH_KIND", CHOICE, AT(crash_kind), 0, "segv|ill|abort|exit|kill" },
    { "HANG_IN", CHOICE, AT(hang_in), 0, STAGES },
    COUNT("HANG_AFTER", hang_after),
    FLAG("HANG_ABORTABLE", hang_abortable),
    STRING("FAULT_ONCE", fault_once),
    COUNT("STDOUT", stdout_lines),
    COUNT("STDERR", stderr_lines),
    COUNT("LEAK_MB", leak_mb),
};

static void complain(struct script *script, const char *what, const char *name) {
    if (script->problem[0] == '\0')
        snprintf(script->problem, sizeof script->problem, "script: %s %.100s", what, name);
}

static bool read_number(const struct key *key, const char *value, long *number) {
    if (key->kind == AMOUNT && strcmp(value, "forever") == 0) {
        *number = FOREVER;
        return true;
    }
    char *end;
    *number = strtol(value, &end, 10);
    return end != value && *end == '\0' && *number >= key->least && *number <= INT_MAX;
}

static bool read_choice(const struct key *key, const char *value, long *index) {
    size_t length = strlen(value);
    const char *word = key->words;
    for (*index = 0; word != NULL; ++*index) {
        const char *end = strchrnul(word, '|');
        if ((size_t)(end - word) == length && memcmp(word, value, length) == 0)
            return true;
        word = *end == '|' ? end + 1 : NULL;
    }
    return false;
}

/* A copy of the text with its escapes resolved; null where one is unknown. */
static char *read_text(const char *value) {
    char *copy = strdup(value), *out = copy;
    for (const char *in = value; *in != '\0'; in++) {
        if (*in != '\\') {
            *out++ = *in;
            continue;
        }
        const char *escape = strchr("n\nt\t\\\\", *++in);
        if (*in == '\0' || escape == NULL) {
            free(copy);
            return NULL;
        }
        *out++ = escape[1];
    }
    *out = '\0';
    return copy;
}

static bool set_key(struct script *script, const struct key *key, const char *value) {
    void *field = (char *)script + key->offset;
    switch (key->kind) {
    case NUMBER:
    case AMOUNT:
        return read_number(key, value, field);
    case CHOICE:
        return read_choice(key, value, field);
    case TEXT: {
        char *text = read_text(value);
        if (text == NULL)
            return false;
        free(*(char **)field);
        *(char **)field = text;
        return true;
    }
    }
    return false;
}

static void set(struct script *script, const char *name, const char *value) {
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i].name, name) != 0)
            continue;
        if (!set_key(script, &keys[i], value))
            complain(script, "bad value of", name);
        if (keys[i].offset == AT(run_status))
            script->run_status_set = true;
        return;
    }
    complain(script, "unknown key", name);
}

/* One `KEY=VALUE`; spoils the line. */
static void set_line(struct script *script, char *line) {
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0' || line[0] == '#')
        return;
    char *equals = strchr(line, '=');
    if (equals == NULL) {
        complain(script, "no `=` in", line);
        return;
    }
    *equals = '\0';
    set(script, line, equals + 1);
}

static void read_environment(struct script *script) {
    for (char **entry = environ; *entry != NULL; entry++) {
        if (strncmp(*entry, PREFIX, strlen(PREFIX)) != 0)
            continue;
        char *line = strdup(*entry + strlen(PREFIX));
        if (strncmp(line, "SCRIPT=", strlen("SCRIPT=")) != 0)
            set_line(script, line);
        free(line);
    }
}

/* Reads a script file; with `marked`, only if its first line says that it is one. */
static void read_file(struct script *script, const char *path, bool marked) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        if (!marked)
            complain(script, "cannot read", path);
        return;
    }
    char first[sizeof MAGIC - 1];
    bool is_script = fread(first, 1, sizeof first, file) == sizeof first
        && memcmp(first, MAGIC, sizeof first) == 0;
    if (is_script || !marked) {
        rewind(file);
        char *line = NULL;
        size_t room = 0;
        while (getline(&line, &room, file) != -1)
            set_line(script, line);
        free(line);
    }
    fclose(file);
}

struct script *script_load(const char *model_path) {
    struct script *script = calloc(1, sizeof *script);
    script->tokens = script->eos_after = UNSET;
    script->error_after = script->unknown_state_after = script->null_text_after = UNSET;
    script->eos_id = 2;
    script->text = strdup(" t%d");
    read_environment(script);
    const char *path = getenv(PREFIX "SCRIPT");
    if (path != NULL)
        read_file(script, path, false);
    if (model_path != NULL)
        read_file(script, model_path, true);
    return script;
}

void script_free(struct script *script) {
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (keys[i].kind == TEXT)
            free(*(char **)((char *)script + keys[i].offset));
    free(script);
}

struct journal script_journal(const struct script *script) {
    struct journal journal = { NULL, script->strict != 0 };
    if (script->log != NULL)
        journal.path = strdup(script->log);
    return journal;
}
