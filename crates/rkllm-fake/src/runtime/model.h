/* Loaded models and the handles that name them. */
#ifndef MODEL_H
#define MODEL_H

#include <pthread.h>

#include "abi.h"
#include "journal.h"
#include "reply.h"
#include "script.h"
#include "tokens.h"

/* Floats in a row of embeddings and of hidden states. */
#define EMBEDDING_WIDTH 64
/* Floats in a row of logits. */
#define VOCABULARY_SIZE 512

/* The name of a LoRA adapter that was loaded. */
struct lora {
    char *name;
    struct lora *next;
};

struct model {
    char *path;
    struct callbacks callbacks;
    int32_t max_context_len;
    int32_t max_new_tokens;
    bool use_cross_attn;
    /* Entries of a batch, and as many KV caches and replies. */
    size_t n_batch;
    struct tokens *kv;
    struct reply *replies;
    struct lora *loras;
    /* System prompt, prefix and postfix; null while none was set. */
    char *chat_template[3];
    size_t system_tokens;

    /* The rest changes under `mutex`; `changed` is signalled when `aborted` is set. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool aborted;
    bool running;
    /* A run has returned in the middle, because the callback said so. */
    bool paused;
    bool paused_with_history;
    /* The last run was aborted and its rest is still in the KV cache. */
    bool dirty;
    /* Thread of the last asynchronous run, not yet joined. */
    bool has_worker;
    pthread_t worker;
};

/*
 * What a caller holds. Kept to the end, so that use of a dead one is known; it has no model. A
 * canary on either side shows whether the caller wrote over it.
 */
struct handle {
    uint64_t front;
    struct model *model;
    struct journal journal;
    /* Calls that are active. */
    int calls;
    struct handle *next;
    uint64_t back;
};

struct model *model_new(const struct model_params *params, const struct callbacks *callbacks);

void model_free(struct model *model);

/* Makes a handle of a model and takes over the journal. */
struct handle *handle_new(struct model *model, struct journal journal);

/*
 * Begins a call on the handle behind a caller's pointer; null, after a line in the log, when it is
 * no living handle. `call` is the function's name without `rkllm_`. Ends with handle_leave.
 */
struct handle *handle_enter(LLMHandle raw, const char *call);

/* As handle_enter, and no run may be active on the handle. */
struct handle *handle_enter_idle(LLMHandle raw, const char *call);

void handle_leave(struct handle *handle);

/*
 * Ends the caller's own call and takes the model from the handle, which is dead from now on. Null
 * when another call is active on it.
 */
struct model *handle_kill(struct handle *handle);

#endif
