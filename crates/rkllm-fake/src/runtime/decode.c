/* The second part of a run: tokens, one callback each. */
#include "fault.h"
#include "pace.h"
#include "run.h"

/* A state that no generation has. */
#define UNKNOWN_STATE 99

int run_deliver(struct run *run, LLMCallState state) {
    int answer = abi_deliver(&run->callbacks, run->results, run->userdata, state);
    if (answer < 0 || answer > abi_last_reply)
        journal_misuse(&run->handle->journal, "the result callback returned %d", answer);
    return answer;
}

static bool is_over(const struct run *run) {
    if (run->delivered >= run->limit)
        return true;
    for (size_t i = 0; i < run->n_batch; i++)
        if (!reply_is_over(&run->model->replies[i], run->script))
            return false;
    return true;
}

/* The state of the next callback, whose results are filled in: entries that ended have a negative
   id and no text. */
static LLMCallState fill_results(struct run *run) {
    struct model *model = run->model;
    LLMCallState state = RKLLM_RUN_NORMAL;
    for (size_t i = 0; i < run->n_batch; i++) {
        struct step step = { .state = RKLLM_RUN_NORMAL, .id = -1 };
        if (reply_next(&model->replies[i], run->script, &step)) {
            if (run->script->null_text_after == run->delivered)
                step.text = NULL;
            /* A full cache is shifted: it loses as many tokens as it gains. */
            if (model->kv[i].length < (size_t)model->max_context_len)
                tokens_push(&model->kv[i], step.id);
            state = step.state;
        }
        abi_write_result(&run->results[i], &(struct output){ .text = step.text, .id = step.id });
    }
    return run->n_batch == 1 ? state : RKLLM_RUN_NORMAL;
}

static void send_unknown_state(struct run *run) {
    for (size_t i = 0; i < run->n_batch; i++)
        abi_write_result(&run->results[i], &(struct output){ .text = "" });
    run_deliver(run, UNKNOWN_STATE);
}

/* Waits for the next token's time; true when the run was aborted. */
static bool wait_for_token(struct run *run) {
    const struct script *script = run->script;
    if (run->delivered > 0 && script->token_us > 0)
        return pace_wait(run->model, script->token_us, !script->ignore_abort);
    return !script->ignore_abort && pace_aborted(run->model);
}

enum outcome run_decode(struct run *run) {
    const struct script *script = run->script;
    for (;;) {
        if (fault_at(script, &run->handle->journal, run->model, STAGE_DECODE, run->delivered))
            return ABORTED;
        if (script->error_after == run->delivered)
            return FAILED;
        if (script->unknown_state_after == run->delivered)
            send_unknown_state(run);
        if (is_over(run))
            break;
        if (wait_for_token(run))
            return ABORTED;
        LLMCallState state = fill_results(run);
        run->delivered++;
        if (run_deliver(run, state) == 1)
            return PAUSED;
    }
    bool aborted = pace_wait(run->model, (int64_t)script->tail_ms * 1000, !script->ignore_abort);
    return aborted ? ABORTED : DONE;
}
