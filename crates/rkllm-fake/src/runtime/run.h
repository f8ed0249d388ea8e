/* One run of a model. */
#ifndef RUN_H
#define RUN_H

#include "model.h"

struct run {
    struct handle *handle;
    struct model *model;
    struct script *script;
    struct callbacks callbacks;
    void *userdata;
    bool is_async;
    /* As the caller gave them: looked at again at the end. */
    const RKLLMInput *raw_inputs;
    const RKLLMInferParam *raw_params;
    struct input *inputs;
    struct run_params params;
    uint64_t digest;
    size_t n_batch;
    bool resumes;
    /* Prompts of the entries. */
    struct tokens *prompts;
    size_t prefill_tokens;
    RKLLMResult *results;
    /* Most tokens of one entry. */
    long limit;
    long delivered;
    int64_t started;
    int64_t prefilled;
};

/* SILENT and REFUSED runs end without a callback, the latter before they began. */
enum outcome { DONE, ABORTED, PAUSED, FAILED, SILENT, REFUSED };

/* Checks a call and claims the handle; null, after a line in the log, when it is not right. */
struct run *run_begin(struct handle *handle, const RKLLMInput *inputs,
                      const RKLLMInferParam *params, void *userdata);

/* Evaluates the prompts; DONE when the rest of the run may follow. */
enum outcome run_prefill(struct run *run);

/* Delivers tokens, or hidden layers, or logits. */
enum outcome run_decode(struct run *run);
enum outcome run_tensors(struct run *run);

/* Calls back with the results and checks the answer. */
int run_deliver(struct run *run, LLMCallState state);

/* Ends the run, frees it and returns the status. */
int run_end(struct run *run, enum outcome outcome);

#endif
