#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRONT UINT64_C(0x524b4c4c4d46414b)
#define BACK UINT64_C(0xb4b3b2b1a4a3a2a1)

/* All handles of the process, the newest first. */
static pthread_mutex_t handles_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct handle *handles;

struct model *model_new(const struct model_params *params, const struct callbacks *callbacks) {
    struct model *model = calloc(1, sizeof *model);
    model->path = strdup(params->model_path);
    model->callbacks = *callbacks;
    model->max_context_len = params->max_context_len;
    model->max_new_tokens = params->max_new_tokens;
    model->use_cross_attn = params->use_cross_attn != 0;
    model->n_batch = params->n_batch;
    model->kv = calloc(model->n_batch, sizeof *model->kv);
    model->replies = calloc(model->n_batch, sizeof *model->replies);
    pthread_mutex_init(&model->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&model->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return model;
}

void model_free(struct model *model) {
    for (size_t i = 0; i < model->n_batch; i++) {
        tokens_free(&model->kv[i]);
        reply_free(&model->replies[i]);
    }
    for (struct lora *lora = model->loras, *next; lora != NULL; lora = next) {
        next = lora->next;
        free(lora->name);
        free(lora);
    }
    for (size_t i = 0; i < 3; i++)
        free(model->chat_template[i]);
    pthread_cond_destroy(&model->changed);
    pthread_mutex_destroy(&model->mutex);
    free(model->kv);
    free(model->replies);
    free(model->path);
    free(model);
}

struct handle *handle_new(struct model *model, struct journal journal) {
    struct handle *handle = calloc(1, sizeof *handle);
    *handle = (struct handle){ .front = FRONT, .model = model, .journal = journal, .back = BACK };
    pthread_mutex_lock(&handles_mutex);
    handle->next = handles;
    handles = handle;
    pthread_mutex_unlock(&handles_mutex);
    return handle;
}

/* At exit, or when the library is closed; what lives is still the caller's. */
__attribute__((destructor)) static void free_dead_handles(void) {
    pthread_mutex_lock(&handles_mutex);
    for (struct handle **link = &handles; *link != NULL;) {
        struct handle *handle = *link;
        if (handle->model != NULL) {
            link = &handle->next;
            continue;
        }
        *link = handle->next;
        free(handle->journal.path);
        free(handle);
    }
    pthread_mutex_unlock(&handles_mutex);
}

/* What is no intact handle has no journal of its own. */
static void report(const char *call, const char *what) {
    struct script *script = script_load(NULL);
    struct journal journal = script_journal(script);
    script_free(script);
    journal_misuse(&journal, "%s: %s", call, what);
    free(journal.path);
}

struct handle *handle_enter(LLMHandle raw, const char *call) {
    pthread_mutex_lock(&handles_mutex);
    struct handle *handle = handles;
    while (handle != NULL && handle != raw)
        handle = handle->next;
    bool intact = handle != NULL && handle->front == FRONT && handle->back == BACK;
    bool alive = intact && handle->model != NULL;
    if (alive)
        handle->calls++;
    pthread_mutex_unlock(&handles_mutex);
    if (alive)
        return handle;
    if (intact)
        journal_misuse(&handle->journal, "%s: the handle was destroyed", call);
    else
        report(call, handle == NULL ? "not a handle of this library"
                                    : "the handle was written over");
    return NULL;
}

struct handle *handle_enter_idle(LLMHandle raw, const char *call) {
    struct handle *handle = handle_enter(raw, call);
    if (handle == NULL)
        return NULL;
    pthread_mutex_lock(&handle->model->mutex);
    bool running = handle->model->running;
    pthread_mutex_unlock(&handle->model->mutex);
    if (!running)
        return handle;
    journal_misuse(&handle->journal, "%s: a run is active on the handle", call);
    handle_leave(handle);
    return NULL;
}

void handle_leave(struct handle *handle) {
    pthread_mutex_lock(&handles_mutex);
    handle->calls--;
    pthread_mutex_unlock(&handles_mutex);
}

struct model *handle_kill(struct handle *handle) {
    pthread_mutex_lock(&handles_mutex);
    struct model *model = NULL;
    if (handle->calls == 1) {
        model = handle->model;
        handle->model = NULL;
    }
    handle->calls--;
    pthread_mutex_unlock(&handles_mutex);
    return model;
}
