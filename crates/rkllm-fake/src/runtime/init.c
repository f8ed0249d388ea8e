#include "init.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "fault.h"
#include "memory.h"
#include "pace.h"
#include "sampling.h"

static atomic_int active;
static atomic_long earlier_inits;
static atomic_long earlier_destroys;

static bool acceptable(const struct journal *journal, const struct model_params *params,
                       const struct callbacks *callbacks) {
    if (callbacks->result == NULL) {
        journal_misuse(journal, "init: no result callback");
        return false;
    }
    if (!check_params(journal, params))
        return false;
    if (access(params->model_path, R_OK) == 0)
        return true;
    dprintf(STDOUT_FILENO, "E rkllm: failed to open '%s'\n", params->model_path);
    return false;
}

static void log_params(const struct journal *journal, const struct model_params *params) {
    char sampling[SAMPLING_TEXT];
    journal_event(journal,
                  "init version=%s context=%d max_new_tokens=%d n_keep=%d %s skip_special_token=%d "
                  "ignore_eos_token=%d is_async=%d base_domain_id=%d embed_flash=%d "
                  "enabled_cpus_num=%d enabled_cpus_mask=%#x n_batch=%d use_cross_attn=%d",
                  abi_version, (int)params->max_context_len, (int)params->max_new_tokens,
                  (int)params->n_keep, sampling_text(&params->sampling, sampling),
                  params->skip_special_token, params->ignore_eos_token, params->is_async,
                  (int)params->base_domain_id, params->embed_flash, params->enabled_cpus_num,
                  (unsigned)params->enabled_cpus_mask, params->n_batch, params->use_cross_attn);
}

static int load(LLMHandle *handle, struct model *model, const struct script *script) {
    struct journal journal = script_journal(script);
    fault_at(script, &journal, NULL, STAGE_INIT, atomic_fetch_add(&earlier_inits, 1));
    pace_sleep(script->init_ms);
    if (script->init_status != 0 || script->init_null_handle) {
        if (script->init_status == 0)
            *handle = NULL;
        else
            dprintf(STDOUT_FILENO, "E rkllm: rkllm_init failed\n");
        journal_event(&journal, "init failed status=%ld", script->init_status);
        free(journal.path);
        model_free(model);
        return (int)script->init_status;
    }
    *handle = handle_new(model, journal);
    return 0;
}

/* The last line of the vendor's runtime about an init that failed. */
static int refuse(const struct journal *journal, const char *misuse) {
    if (misuse != NULL)
        journal_misuse(journal, "init: %s", misuse);
    dprintf(STDOUT_FILENO, "E rkllm: rkllm_init failed\n");
    return -1;
}

static int load_alone(LLMHandle *handle, const struct model_params *params,
                      const struct callbacks *callbacks, const struct script *script) {
    struct journal journal = script_journal(script);
    if (script->problem[0] != '\0')
        journal_misuse(&journal, "%s", script->problem);
    int status;
    if (atomic_fetch_add(&active, 1) > 0) {
        status = refuse(&journal, "another init is active in this process");
    } else if (!acceptable(&journal, params, callbacks)) {
        status = refuse(&journal, NULL);
    } else {
        log_params(&journal, params);
        status = load(handle, model_new(params, callbacks), script);
    }
    atomic_fetch_sub(&active, 1);
    free(journal.path);
    return status;
}

/* Without parameters there is no model path to look for a script at. */
static int refuse_pointer(const char *misuse) {
    struct script *script = script_load(NULL);
    struct journal journal = script_journal(script);
    script_free(script);
    int status = refuse(&journal, misuse);
    free(journal.path);
    return status;
}

int init_model(LLMHandle *handle, const RKLLMParam *param, const struct callbacks *callbacks) {
    if (!memory_readable(handle, sizeof *handle))
        return refuse_pointer("the pointer to the handle is not valid");
    if (!memory_readable(param, sizeof *param))
        return refuse_pointer("the parameters cannot be read");
    dprintf(STDOUT_FILENO,
            "I rkllm: rkllm-runtime version: %s, rknpu driver version: 0.9.8, platform: fake\n",
            abi_version);
    struct model_params params;
    abi_read_params(&params, param);
    const char *path = memory_is_text(params.model_path) ? params.model_path : NULL;
    struct script *script = script_load(path);
    int status = load_alone(handle, &params, callbacks, script);
    script_free(script);
    return status;
}

int rkllm_destroy(LLMHandle raw) {
    struct handle *handle = handle_enter(raw, "destroy");
    if (handle == NULL)
        return -1;
    const struct journal *journal = &handle->journal;
    if (handle->model->has_worker && pthread_equal(handle->model->worker, pthread_self())) {
        journal_misuse(journal, "destroy: called from a callback of the same handle");
        handle_leave(handle);
        return -1;
    }
    struct model *model = handle_kill(handle);
    if (model == NULL) {
        journal_misuse(journal, "destroy: a run or another call is active on the handle");
        return -1;
    }
    if (model->has_worker)
        pthread_join(model->worker, NULL);
    journal_event(journal, "destroy");
    struct script *script = script_load(model->path);
    fault_at(script, journal, NULL, STAGE_DESTROY, atomic_fetch_add(&earlier_destroys, 1));
    script_free(script);
    model_free(model);
    return 0;
}
