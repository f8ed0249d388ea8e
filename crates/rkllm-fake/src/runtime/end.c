/* The end of a run: last callback, status, what is left for the next run. */
#include <stdlib.h>
#include <sys/resource.h>

#include "check.h"
#include "memory.h"
#include "pace.h"
#include "run.h"
#include "settings.h"

/* Whether input and parameters are still what they were at the beginning. */
static void check_unchanged(struct run *run) {
    struct run_params params;
    bool same = memory_readable(run->raw_inputs, run->n_batch * sizeof *run->raw_inputs)
        && memory_readable(run->raw_params, sizeof *run->raw_params)
        && abi_read_run(&params, run->raw_params);
    for (size_t i = 0; same && i < run->n_batch; i++) {
        abi_read_input(&run->inputs[i], &run->raw_inputs[i]);
        same = check_input(&run->handle->journal, &run->inputs[i], run->resumes);
    }
    if (!same || check_digest(run->inputs, run->n_batch, &params) != run->digest)
        journal_misuse(&run->handle->journal, "run: input or parameters changed during the run");
}

static struct perf measure(const struct run *run) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    int64_t prefilled = run->prefilled != 0 ? run->prefilled : pace_now();
    return (struct perf){
        .prefill_ms = (float)(prefilled - run->started) / 1e6f,
        .prefill_tokens = (int)run->prefill_tokens,
        .generate_ms = (float)(pace_now() - prefilled) / 1e6f,
        /* The first token belongs to the prefill. */
        .generate_tokens = run->delivered > 0 ? (int)run->delivered - 1 : 0,
        .memory_mb = (float)usage.ru_maxrss / 1024,
    };
}

static void deliver_last(struct run *run, LLMCallState state) {
    struct output output = {
        .text = run->script->finish_text == RESULT_NULL_TEXT ? NULL : "",
        .perf = measure(run),
    };
    for (size_t i = 0; i < run->n_batch; i++)
        abi_write_result(&run->results[i], &output);
    RKLLMResult *results = run->script->finish_text == RESULT_NONE ? NULL : run->results;
    abi_deliver(&run->callbacks, results, run->userdata, state);
}

static void call_back(struct run *run, enum outcome outcome) {
    const struct script *script = run->script;
    bool error = outcome == FAILED || (outcome == ABORTED && script->abort_end == ABORT_ERROR);
    bool finish = (outcome == DONE && !script->no_finish)
        || (outcome == ABORTED && script->abort_end == ABORT_FINISH);
    if (error)
        deliver_last(run, RKLLM_RUN_ERROR);
    else if (finish)
        deliver_last(run, RKLLM_RUN_FINISH);
}

static int status_of(const struct run *run, enum outcome outcome) {
    if (run->script->run_status_set && outcome != REFUSED)
        return (int)run->script->run_status;
    bool error = outcome == FAILED || outcome == REFUSED
        || (outcome == ABORTED && run->script->abort_end == ABORT_ERROR);
    return error ? -1 : 0;
}

static void release_handle(struct run *run, enum outcome outcome) {
    struct model *model = run->model;
    pthread_mutex_lock(&model->mutex);
    model->running = false;
    if (outcome != REFUSED) {
        model->paused = outcome == PAUSED;
        model->paused_with_history = run->params.keep_history != 0;
        model->dirty = outcome == ABORTED;
    }
    pthread_mutex_unlock(&model->mutex);
    handle_leave(run->handle);
}

static void free_run(struct run *run) {
    for (size_t i = 0; i < run->n_batch; i++)
        tokens_free(&run->prompts[i]);
    script_free(run->script);
    free(run->inputs);
    free(run->prompts);
    free(run->results);
    free(run);
}

int run_end(struct run *run, enum outcome outcome) {
    static const char *const outcomes[] = { "done", "aborted", "paused",
                                            "failed", "silent", "refused" };
    const struct journal *journal = &run->handle->journal;
    int status = status_of(run, outcome);
    if (run->digest != 0)
        check_unchanged(run);
    if (run->params.save_prompt_cache && outcome != REFUSED)
        journal_event(journal, "save_prompt_cache saved=%d",
                      settings_save_prompt_cache(run->model, run->params.prompt_cache_path));
    journal_event(journal, "run end tokens=%ld status=%d outcome=%s", run->delivered, status,
                  outcomes[outcome]);
    /* The last callback of an asynchronous run may begin the next one on another thread. */
    if (run->is_async)
        release_handle(run, outcome);
    call_back(run, outcome);
    if (!run->is_async)
        release_handle(run, outcome);
    free_run(run);
    return status;
}
