/* The beginning of a run: what the caller gave is checked, the handle claimed. */
#include <stdlib.h>

#include "check.h"
#include "memory.h"
#include "run.h"
#include "settings.h"

/* Joins the thread of the last asynchronous run and marks the handle as running. */
static bool claim(struct handle *handle) {
    struct model *model = handle->model;
    pthread_mutex_lock(&model->mutex);
    bool inside = model->has_worker && pthread_equal(model->worker, pthread_self());
    bool free_now = !model->running && !inside;
    bool join = free_now && model->has_worker;
    if (free_now) {
        model->running = true;
        model->aborted = false;
        model->has_worker = false;
    }
    pthread_t worker = model->worker;
    pthread_mutex_unlock(&model->mutex);
    if (join)
        pthread_join(worker, NULL);
    if (!free_now)
        journal_misuse(&handle->journal, "run: %s",
                       inside ? "called from a callback of the same handle"
                              : "another run is active on the handle");
    return free_now;
}

static bool read_arguments(struct run *run) {
    const struct journal *journal = &run->handle->journal;
    if (!memory_readable(run->raw_inputs, run->n_batch * sizeof *run->raw_inputs)) {
        journal_misuse(journal, "run: the input cannot be read");
        return false;
    }
    if (!memory_readable(run->raw_params, sizeof *run->raw_params)
        || !abi_read_run(&run->params, run->raw_params)) {
        journal_misuse(journal, "run: the parameters of the run cannot be read");
        return false;
    }
    bool good = check_run(journal, &run->params);
    for (size_t i = 0; i < run->n_batch; i++) {
        abi_read_input(&run->inputs[i], &run->raw_inputs[i]);
        good &= check_input(journal, &run->inputs[i], run->resumes);
    }
    return good;
}

/* What the vendor refuses without calling it a mistake of the caller. */
static bool is_possible(struct run *run) {
    if (run->script->problem[0] != '\0') {
        journal_misuse(&run->handle->journal, "%s", run->script->problem);
        return false;
    }
    enum split split = (enum split)run->script->split_utf8;
    if (run->n_batch > 1 && (split == SPLIT_WAITING || split == SPLIT_WAITING_BYTES)) {
        journal_misuse(&run->handle->journal, "script: a batch has no waiting state of its own");
        return false;
    }
    if (!run->params.has_lora || settings_has_lora(run->model, run->params.lora_name))
        return true;
    journal_event(&run->handle->journal, "run refused: no such LoRA adapter");
    return false;
}

static long token_limit(const struct run *run) {
    if (run->params.max_new_tokens > 0)
        return run->params.max_new_tokens;
    return run->model->max_new_tokens > 0 ? run->model->max_new_tokens : FOREVER;
}

static struct run *allocate(struct handle *handle) {
    struct model *model = handle->model;
    struct run *run = calloc(1, sizeof *run);
    run->handle = handle;
    run->model = model;
    run->script = script_load(model->path);
    run->callbacks = model->callbacks;
    run->n_batch = model->n_batch;
    run->resumes = model->paused;
    run->inputs = calloc(run->n_batch, sizeof *run->inputs);
    run->prompts = calloc(run->n_batch, sizeof *run->prompts);
    run->results = calloc(run->n_batch, sizeof *run->results);
    return run;
}

struct run *run_begin(struct handle *handle, const RKLLMInput *inputs,
                      const RKLLMInferParam *params, void *userdata) {
    if (!claim(handle)) {
        handle_leave(handle);
        return NULL;
    }
    struct run *run = allocate(handle);
    run->userdata = userdata;
    run->raw_inputs = inputs;
    run->raw_params = params;
    if (!read_arguments(run) || !is_possible(run)) {
        run_end(run, REFUSED);
        return NULL;
    }
    run->digest = check_digest(run->inputs, run->n_batch, &run->params);
    run->limit = token_limit(run);
    return run;
}
