/* The one place that knows the ABI generations: the other sources see what all have in common. */
#ifndef ABI_H
#define ABI_H

/* The library hides its symbols, except those that the header declares. */
#pragma GCC visibility push(default)
#if RKLLM_GENERATION == 110
#include "rkllm-1.1.h"
#elif RKLLM_GENERATION == 120
#include "rkllm-1.2.0.h"
#elif RKLLM_GENERATION == 121
#include "rkllm-1.2.1.h"
#elif RKLLM_GENERATION == 130
#include "rkllm-1.3.h"
#else
#error "RKLLM_GENERATION must be 110, 120, 121 or 130"
#endif
#pragma GCC visibility pop

struct sampling {
    int32_t top_k;
    float top_p;
    float temperature;
    float repeat_penalty;
    float frequency_penalty;
    float presence_penalty;
    int32_t mirostat;
    float mirostat_tau;
    float mirostat_eta;
};

/* RKLLMParam; what a generation lacks has a value that passes all checks. */
struct model_params {
    const char *model_path;
    int32_t max_context_len;
    int32_t max_new_tokens;
    int32_t n_keep;
    struct sampling sampling;
    /* The bools as the bytes that they are: other structs in their place show as other values. */
    uint8_t skip_special_token;
    uint8_t ignore_eos_token;
    uint8_t is_async;
    bool has_image_tags;
    const char *image_tags[3];
    int32_t base_domain_id;
    int8_t embed_flash;
    int8_t enabled_cpus_num;
    uint32_t enabled_cpus_mask;
    uint8_t n_batch;
    int8_t use_cross_attn;
    const uint8_t *reserved;
    size_t reserved_length;
};

/* Images or videos of a multimodal input. */
struct media {
    /* Tag in the text, such as `<image>`. */
    const char *tag;
    const float *embed;
    size_t rows_of_each;
    size_t count;
    bool has_texts;
    const char *texts[3];
};

/* RKLLMInput; only the fields of its type are set. */
struct input {
    int type;
    const char *role;
    uint8_t enable_thinking;
    const char *text;
    const int32_t *ids;
    const float *embed;
    /* Number of ids or of rows. */
    size_t length;
    struct media media[2];
    size_t media_kinds;
};

/* RKLLMInferParam. */
struct run_params {
    int mode;
    bool has_lora;
    const char *lora_name;
    int save_prompt_cache;
    const char *prompt_cache_path;
    bool has_sampling;
    struct sampling sampling;
    int keep_history;
    int32_t max_new_tokens;
};

struct callbacks {
    LLMResultCallback result;
    void *result_userdata;
    int (*tokenize)(void *userdata, const char *text, int32_t length, int32_t *ids, int32_t room);
    void *tokenize_userdata;
    int (*embed)(void *userdata, int32_t *ids, uint64_t count, void *rows, uint64_t length);
    void *embed_userdata;
};

struct perf {
    float prefill_ms;
    int prefill_tokens;
    float generate_ms;
    int generate_tokens;
    float memory_mb;
};

/* RKLLMResult. */
struct output {
    const char *text;
    int32_t id;
    const float *hidden_states;
    const float *logits;
    int width;
    int rows;
    struct perf perf;
};

/* The version that a library of this generation says it has. */
extern const char abi_version[];
/* Last known RKLLMInferMode. */
extern const int abi_last_mode;
/* State in which hidden layers are delivered. */
extern const LLMCallState abi_hidden_state;
/* Last known return value of the result callback; 0 where it returns none. */
extern const int abi_last_reply;

void abi_read_params(struct model_params *params, const RKLLMParam *raw);

void abi_read_input(struct input *input, const RKLLMInput *raw);

/* False when the parameters point to memory that cannot be read. */
bool abi_read_run(struct run_params *params, const RKLLMInferParam *raw);

void abi_write_result(RKLLMResult *raw, const struct output *output);

/* Calls back; returns 0 where the callback returns nothing. */
int abi_deliver(const struct callbacks *callbacks, RKLLMResult *results, void *userdata,
                LLMCallState state);

#endif
