/* What the runtime is told to do: keys with values, see README.md. */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <limits.h>
#include <stdbool.h>

#include "journal.h"

#define FOREVER LONG_MAX
/* Value of a number that was not set. */
#define UNSET (-1L)
/* Replies that depend on the prompt. */
#define RULES 8

/* In the order of the words that script.c lists for each. */
enum split { SPLIT_OFF, SPLIT_WAITING, SPLIT_WAITING_BYTES, SPLIT_RAW };
enum last_result { RESULT_EMPTY_TEXT, RESULT_NULL_TEXT, RESULT_NONE };
enum abort_end { ABORT_FINISH, ABORT_ERROR, ABORT_NONE };
enum stage { STAGE_NONE, STAGE_INIT, STAGE_PREFILL, STAGE_DECODE, STAGE_DESTROY };
enum crash_kind { CRASH_SEGV, CRASH_ILL, CRASH_ABORT, CRASH_EXIT, CRASH_KILL };

/* A reply for prompts that contain a text; null where the script does not set it. */
struct rule {
    char *when;
    char *reply;
};

struct script {
    char *log;
    long strict;
    long tokens;
    char *text;
    char *reply;
    struct rule rules[RULES];
    char *reply_separator;
    char *batch_tokens;
    char *eos_as_text;
    long eos_after;
    long eos_id;
    long split_utf8;
    long init_ms;
    long prefill_ms;
    long token_us;
    long tail_ms;
    long finish_text;
    long no_finish;
    long tensor_finish;
    long empty;
    long run_status;
    bool run_status_set;
    long error_after;
    long unknown_state_after;
    long null_text_after;
    long init_status;
    long init_null_handle;
    long abort_end;
    long ignore_abort;
    long prefill_abortable;
    long crash_in;
    long crash_after;
    long crash_kind;
    long hang_in;
    long hang_after;
    long hang_abortable;
    char *fault_once;
    long stdout_lines;
    long stderr_lines;
    long leak_mb;
    /* What was wrong in the script, first mistake only; empty when nothing was. */
    char problem[200];
};

/*
 * Reads the environment, then the file named by RKLLM_FAKE_SCRIPT, then the model file if it is a
 * script itself; later ones win. `model_path` may be null. Free with script_free.
 */
struct script *script_load(const char *model_path);

void script_free(struct script *script);

/* Where the script wants its log lines. The path is a copy for the caller to free. */
struct journal script_journal(const struct script *script);

#endif
