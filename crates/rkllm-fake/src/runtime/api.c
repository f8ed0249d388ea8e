/* The exported functions about runs. */
#include "fault.h"
#include "run.h"

static int execute(struct run *run) {
    enum outcome outcome = run_prefill(run);
    if (outcome == DONE)
        outcome = run->params.mode == RKLLM_INFER_GENERATE ? run_decode(run) : run_tensors(run);
    return run_end(run, outcome);
}

static void *execute_on_thread(void *run) {
    execute(run);
    return NULL;
}

int rkllm_run(LLMHandle raw, RKLLMInput *inputs, RKLLMInferParam *params, void *userdata) {
    struct handle *handle = handle_enter(raw, "run");
    if (handle == NULL)
        return -1;
    struct run *run = run_begin(handle, inputs, params, userdata);
    return run == NULL ? -1 : execute(run);
}

int rkllm_run_async(LLMHandle raw, RKLLMInput *inputs, RKLLMInferParam *params, void *userdata) {
    struct handle *handle = handle_enter(raw, "run_async");
    if (handle == NULL)
        return -1;
    struct run *run = run_begin(handle, inputs, params, userdata);
    if (run == NULL)
        return -1;
    run->is_async = true;
    struct model *model = run->model;
    /* The thread cannot get far before `worker` is set: it needs the mutex to end the run. */
    pthread_mutex_lock(&model->mutex);
    bool started = pthread_create(&model->worker, NULL, execute_on_thread, run) == 0;
    model->has_worker = started;
    pthread_mutex_unlock(&model->mutex);
    return started ? 0 : run_end(run, REFUSED);
}

int rkllm_abort(LLMHandle raw) {
    struct handle *handle = handle_enter(raw, "abort");
    if (handle == NULL)
        return -1;
    struct model *model = handle->model;
    pthread_mutex_lock(&model->mutex);
    bool running = model->running;
    if (running) {
        model->aborted = true;
        pthread_cond_broadcast(&model->changed);
    }
    pthread_mutex_unlock(&model->mutex);
    journal_event(&handle->journal, "abort running=%d", running);
    handle_leave(handle);
    return 0;
}

int rkllm_is_running(LLMHandle raw) {
    struct handle *handle = handle_enter(raw, "is_running");
    if (handle == NULL)
        return -1;
    pthread_mutex_lock(&handle->model->mutex);
    int running = handle->model->running;
    pthread_mutex_unlock(&handle->model->mutex);
    handle_leave(handle);
    return running;
}
