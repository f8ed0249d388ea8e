/* The first part of a run: prompts become tokens, the KV cache takes them. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault.h"
#include "pace.h"
#include "prompt.h"
#include "run.h"
#include "sampling.h"

static atomic_long earlier_runs;

static bool read_prompt(struct run *run, size_t entry) {
    struct model *model = run->model;
    bool first_turn = !run->params.keep_history || model->kv[entry].length == 0;
    char *text = prompt_text(model, &run->inputs[entry], first_turn);
    struct tokens *prompt = &run->prompts[entry];
    bool good = prompt_tokens(run->handle, &run->inputs[entry], text, prompt);
    if (good)
        reply_set_prompt(&model->replies[entry], text, prompt);
    if (good && !run->resumes)
        reply_begin(&model->replies[entry], run->script, entry);
    free(text);
    return good;
}

/* Puts a prompt into the KV cache; its beginning may be there already. */
static bool fill_cache(struct run *run, size_t entry) {
    struct model *model = run->model;
    struct tokens *kv = &model->kv[entry];
    const struct tokens *prompt = &run->prompts[entry];
    size_t matched = 0;
    if (!run->resumes && !run->params.keep_history) {
        matched = tokens_common(kv, prompt);
        tokens_remove(kv, matched, kv->length);
    }
    tokens_append(kv, prompt->ids + matched, prompt->length - matched);
    run->prefill_tokens += prompt->length - matched;
    if (kv->length <= (size_t)model->max_context_len)
        return true;
    dprintf(STDOUT_FILENO,
            "E rkllm: the length of prompt is greater than max context (prompt: %zu tokens, max "
            "context: %d)\n",
            kv->length, (int)model->max_context_len);
    kv->length = 0;
    return false;
}

static bool fill_all(struct run *run) {
    for (size_t i = 0; i < run->n_batch; i++)
        if (!read_prompt(run, i) || !fill_cache(run, i))
            return false;
    return true;
}

static void log_start(const struct run *run) {
    static const char *const types[] = { "prompt", "token", "embed", "multimodal" };
    static const char *const modes[] = { "generate", "hidden", "logits" };
    const struct input *input = &run->inputs[0];
    const struct run_params *params = &run->params;
    char sampling[SAMPLING_TEXT];
    journal_event(&run->handle->journal,
                  "run start type=%s mode=%s role=%s enable_thinking=%d entries=%zu "
                  "prompt_tokens=%zu prefill_tokens=%zu keep_history=%d max_new_tokens=%d lora=%s "
                  "resumes=%d async=%d %s",
                  types[input->type], modes[params->mode], input->role ? input->role : "",
                  input->enable_thinking, run->n_batch, run->prompts[0].length,
                  run->prefill_tokens, params->keep_history, (int)params->max_new_tokens,
                  params->has_lora ? params->lora_name : "", run->resumes, run->is_async,
                  params->has_sampling ? sampling_text(&params->sampling, sampling) : "");
}

enum outcome run_prefill(struct run *run) {
    const struct script *script = run->script;
    run->started = pace_now();
    fault_noise(script);
    bool fits = fill_all(run);
    log_start(run);
    if (!fits)
        return REFUSED;
    if (script->empty)
        return SILENT;
    bool aborted = fault_at(script, &run->handle->journal, run->model, STAGE_PREFILL,
                            atomic_fetch_add(&earlier_runs, 1));
    bool abortable = script->prefill_abortable && !script->ignore_abort;
    aborted = aborted || pace_wait(run->model, (int64_t)script->prefill_ms * 1000, abortable);
    run->prefilled = pace_now();
    return aborted ? ABORTED : DONE;
}
