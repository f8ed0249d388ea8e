#include "check.h"

#include <math.h>
#include <string.h>

#include "memory.h"

/* Beyond every model there is; what lies above was read from the wrong struct. */
#define CONTEXT_MAX (1 << 24)
#define TOKENS_MAX ((size_t)CONTEXT_MAX)

/* True if the condition holds; otherwise says so in the log. */
static bool expect(const struct journal *journal, bool good, const char *what) {
    if (!good)
        journal_misuse(journal, "%s", what);
    return good;
}

static bool in_range(const struct journal *journal, const char *name, long value, long range[2]) {
    if (value >= range[0] && value <= range[1])
        return true;
    journal_misuse(journal, "%s is %ld, not from %ld to %ld", name, value, range[0], range[1]);
    return false;
}
#define RANGE(name, value, least, most) in_range(journal, name, value, (long[]){ least, most })

static bool number_in(const struct journal *journal, const char *name, float value, float most) {
    if (isfinite(value) && value >= -most && value <= most)
        return true;
    journal_misuse(journal, "%s is %g, not from %g to %g", name, (double)value, (double)-most,
                   (double)most);
    return false;
}

bool check_text(const struct journal *journal, const char *text, const char *name) {
    if (memory_is_text(text))
        return true;
    journal_misuse(journal, "%s is %s", name, text == NULL ? "null" : "not a readable text");
    return false;
}

static bool optional_text(const struct journal *journal, const char *text, const char *name) {
    return text == NULL || check_text(journal, text, name);
}

/* All checks run, so that each mistake has its line. */
static bool check_sampling(const struct journal *journal, const struct sampling *sampling) {
    bool good = RANGE("top_k", sampling->top_k, -1, 1 << 24);
    good &= number_in(journal, "top_p", sampling->top_p, 1);
    good &= number_in(journal, "temperature", sampling->temperature, 1000);
    good &= number_in(journal, "repeat_penalty", sampling->repeat_penalty, 1000);
    good &= number_in(journal, "frequency_penalty", sampling->frequency_penalty, 1000);
    good &= number_in(journal, "presence_penalty", sampling->presence_penalty, 1000);
    good &= RANGE("mirostat", sampling->mirostat, 0, 2);
    good &= number_in(journal, "mirostat_tau", sampling->mirostat_tau, 1000);
    good &= number_in(journal, "mirostat_eta", sampling->mirostat_eta, 1000);
    return good;
}

static bool check_extend(const struct journal *journal, const struct model_params *params) {
    bool good = RANGE("base_domain_id", params->base_domain_id, 0, 255);
    good &= RANGE("embed_flash", params->embed_flash, 0, 1);
    good &= RANGE("enabled_cpus_num", params->enabled_cpus_num, 1, 8);
    good &= expect(journal,
                   __builtin_popcount(params->enabled_cpus_mask) == params->enabled_cpus_num
                       && params->enabled_cpus_mask <= 0xff,
                   "enabled_cpus_mask does not have enabled_cpus_num bits of 8");
    good &= RANGE("n_batch", params->n_batch, 1, 100);
    good &= RANGE("use_cross_attn", params->use_cross_attn, 0, 1);
    bool zero = true;
    for (size_t i = 0; i < params->reserved_length; i++)
        zero &= params->reserved[i] == 0;
    return expect(journal, zero, "reserved is not zero") && good;
}

bool check_params(const struct journal *journal, const struct model_params *params) {
    bool good = check_text(journal, params->model_path, "model_path");
    good &= RANGE("max_context_len", params->max_context_len, 1, CONTEXT_MAX);
    good &= RANGE("max_new_tokens", params->max_new_tokens, -1, CONTEXT_MAX);
    good &= RANGE("n_keep", params->n_keep, -1, params->max_context_len - 1);
    good &= check_sampling(journal, &params->sampling);
    good &= RANGE("skip_special_token", params->skip_special_token, 0, 1);
    good &= RANGE("ignore_eos_token", params->ignore_eos_token, 0, 1);
    good &= RANGE("is_async", params->is_async, 0, 1);
    for (size_t i = 0; params->has_image_tags && i < 3; i++)
        good &= check_text(journal, params->image_tags[i], "img_start, img_end or img_content");
    return check_extend(journal, params) && good;
}

static size_t occurrences(const char *text, const char *tag) {
    size_t count = 0;
    while ((text = strstr(text, tag)) != NULL) {
        text += strlen(tag);
        count++;
    }
    return count;
}

static bool check_rows(const struct journal *journal, const float *rows, size_t count) {
    return expect(journal, count > 0 && count <= TOKENS_MAX, "number of embeddings is not sane")
        && expect(journal, memory_readable(rows, count * EMBEDDING_WIDTH * sizeof *rows),
                  "embeddings cannot be read");
}

static bool check_media(const struct journal *journal, const struct media *media,
                        const char *text) {
    if (occurrences(text, media->tag) != media->count) {
        journal_misuse(journal, "the prompt does not have %zu of the tag %s", media->count,
                       media->tag);
        return false;
    }
    if (media->count == 0)
        return true;
    bool good = expect(journal, media->rows_of_each <= TOKENS_MAX && media->count <= TOKENS_MAX,
                       "number of images or of their tokens is not sane")
        && check_rows(journal, media->embed, media->rows_of_each * media->count);
    for (size_t i = 0; media->has_texts && i < 3; i++)
        good &= check_text(journal, media->texts[i], "start, end or content of an image");
    return good;
}

static bool check_multimodal(const struct journal *journal, const struct input *input) {
    if (!check_text(journal, input->text, "prompt"))
        return false;
    bool good = true;
    size_t count = 0;
    for (size_t i = 0; i < input->media_kinds; i++) {
        good &= check_media(journal, &input->media[i], input->text);
        count += input->media[i].count;
    }
    return expect(journal, count > 0, "multimodal input without images") && good;
}

static bool check_ids(const struct journal *journal, const struct input *input) {
    if (!expect(journal, input->length <= TOKENS_MAX, "number of tokens is not sane")
        || !expect(journal, memory_readable(input->ids, input->length * sizeof *input->ids),
                   "token ids cannot be read"))
        return false;
    bool good = true;
    for (size_t i = 0; i < input->length; i++)
        good &= input->ids[i] >= 0;
    return expect(journal, good, "a token id is negative");
}

static bool check_role(const struct journal *journal, const char *role) {
    if (role == NULL)
        return true;
    return check_text(journal, role, "role")
        && expect(journal, strcmp(role, "user") == 0 || strcmp(role, "tool") == 0,
                  "role is neither user nor tool");
}

bool check_input(const struct journal *journal, const struct input *input, bool resumes) {
    bool good = check_role(journal, input->role);
    good &= RANGE("enable_thinking", input->enable_thinking, 0, 1);
    switch (input->type) {
    case RKLLM_INPUT_PROMPT:
        return check_text(journal, input->text, "prompt_input") && good;
    case RKLLM_INPUT_TOKEN:
        if (resumes && input->length == 0)
            return good;
        return expect(journal, input->length > 0, "input without tokens")
            && check_ids(journal, input) && good;
    case RKLLM_INPUT_EMBED:
        return check_rows(journal, input->embed, input->length) && good;
    case RKLLM_INPUT_MULTIMODAL:
        return check_multimodal(journal, input) && good;
    }
    return RANGE("input_type", input->type, RKLLM_INPUT_PROMPT, RKLLM_INPUT_MULTIMODAL);
}

bool check_run(const struct journal *journal, const struct run_params *params) {
    bool good = RANGE("mode", params->mode, 0, abi_last_mode);
    good &= RANGE("keep_history", params->keep_history, 0, 1);
    good &= RANGE("save_prompt_cache", params->save_prompt_cache, 0, 1);
    good &= RANGE("max_new_tokens of the run", params->max_new_tokens, INT32_MIN, CONTEXT_MAX);
    good &= optional_text(journal, params->prompt_cache_path, "prompt_cache_path");
    if (params->has_lora)
        good &= check_text(journal, params->lora_name, "lora_adapter_name");
    if (params->has_sampling)
        good &= check_sampling(journal, &params->sampling);
    return good;
}

static uint64_t digest_rows(uint64_t sum, const float *rows, size_t count) {
    return digest(sum, rows, count * EMBEDDING_WIDTH * sizeof *rows);
}

static uint64_t digest_input(uint64_t sum, const struct input *input) {
    sum = digest(sum, &input->type, sizeof input->type);
    sum = digest_text(sum, input->role);
    sum = digest_text(sum, input->text);
    if (input->ids != NULL)
        sum = digest(sum, input->ids, input->length * sizeof *input->ids);
    if (input->embed != NULL)
        sum = digest_rows(sum, input->embed, input->length);
    for (size_t i = 0; i < input->media_kinds; i++) {
        const struct media *media = &input->media[i];
        if (media->count == 0)
            continue;
        sum = digest_rows(sum, media->embed, media->rows_of_each * media->count);
        for (size_t text = 0; media->has_texts && text < 3; text++)
            sum = digest_text(sum, media->texts[text]);
    }
    return sum;
}

uint64_t check_digest(const struct input *inputs, size_t count, const struct run_params *params) {
    uint64_t sum = DIGEST_START;
    for (size_t i = 0; i < count; i++)
        sum = digest_input(sum, &inputs[i]);
    sum = digest(sum, &params->mode, sizeof params->mode);
    sum = digest_text(sum, params->lora_name);
    sum = digest(sum, &params->keep_history, sizeof params->keep_history);
    sum = digest(sum, &params->save_prompt_cache, sizeof params->save_prompt_cache);
    sum = digest_text(sum, params->prompt_cache_path);
    sum = digest(sum, &params->max_new_tokens, sizeof params->max_new_tokens);
    return digest(sum, &params->sampling, sizeof params->sampling);
}
