#include "abi.h"

#include "init.h"
#include "memory.h"
#include "settings.h"

#define BANNER(version) "RKLLM SDK (version: " version " | target: Linux | build: fake)"

#if RKLLM_GENERATION == 110
#define VERSION "1.1.4"
const int abi_last_mode = RKLLM_INFER_GET_LAST_HIDDEN_LAYER;
const LLMCallState abi_hidden_state = RKLLM_RUN_GET_LAST_HIDDEN_LAYER;
const int abi_last_reply = 0;
#elif RKLLM_GENERATION == 120
#define VERSION "1.2.0"
const int abi_last_mode = RKLLM_INFER_GET_LOGITS;
const LLMCallState abi_hidden_state = RKLLM_RUN_NORMAL;
const int abi_last_reply = 0;
#elif RKLLM_GENERATION == 121
#define VERSION "1.2.3"
const int abi_last_mode = RKLLM_INFER_GET_LOGITS;
const LLMCallState abi_hidden_state = RKLLM_RUN_NORMAL;
const int abi_last_reply = 1;
#else
#define VERSION "1.3.0"
const int abi_last_mode = RKLLM_INFER_GET_LOGITS;
const LLMCallState abi_hidden_state = RKLLM_RUN_NORMAL;
const int abi_last_reply = 2;
#endif

const char abi_version[] = VERSION;

/* What tools search for in the file; nothing in the program reads it. */
__attribute__((used)) static const char banner[] = BANNER(VERSION);

/* Any of the structs that carry the nine values. */
#define READ_SAMPLING(raw)                                                                         \
    (struct sampling) {                                                                            \
        .top_k = (raw)->top_k, .top_p = (raw)->top_p, .temperature = (raw)->temperature,           \
        .repeat_penalty = (raw)->repeat_penalty, .frequency_penalty = (raw)->frequency_penalty,    \
        .presence_penalty = (raw)->presence_penalty, .mirostat = (raw)->mirostat,                  \
        .mirostat_tau = (raw)->mirostat_tau, .mirostat_eta = (raw)->mirostat_eta,                  \
    }

#define BYTE_OF(field) (*(const uint8_t *)&(field))

static void read_extend(struct model_params *params, const RKLLMExtendParam *raw) {
    params->base_domain_id = raw->base_domain_id;
    params->reserved = raw->reserved;
    params->reserved_length = sizeof raw->reserved;
    params->enabled_cpus_num = 4;
    params->enabled_cpus_mask = 0xf0;
    params->n_batch = 1;
#if RKLLM_GENERATION >= 120
    params->embed_flash = raw->embed_flash;
    params->enabled_cpus_num = raw->enabled_cpus_num;
    params->enabled_cpus_mask = raw->enabled_cpus_mask;
#endif
#if RKLLM_GENERATION >= 121
    params->n_batch = raw->n_batch;
    params->use_cross_attn = raw->use_cross_attn;
#endif
}

void abi_read_params(struct model_params *params, const RKLLMParam *raw) {
    *params = (struct model_params){
        .model_path = raw->model_path,
        .max_context_len = raw->max_context_len,
        .max_new_tokens = raw->max_new_tokens,
        .sampling = READ_SAMPLING(raw),
        .skip_special_token = BYTE_OF(raw->skip_special_token),
        .is_async = BYTE_OF(raw->is_async),
    };
#if RKLLM_GENERATION >= 120
    params->n_keep = raw->n_keep;
#endif
#if RKLLM_GENERATION >= 130
    params->ignore_eos_token = BYTE_OF(raw->ignore_eos_token);
#else
    params->has_image_tags = true;
    params->image_tags[0] = raw->img_start;
    params->image_tags[1] = raw->img_end;
    params->image_tags[2] = raw->img_content;
#endif
    read_extend(params, &raw->extend_param);
}

static void read_multimodal(struct input *input, const RKLLMInput *raw) {
    input->text = raw->multimodal_input.prompt;
#if RKLLM_GENERATION >= 130
    __typeof__(raw->multimodal_input.image) image = raw->multimodal_input.image;
    input->media[input->media_kinds++] = (struct media){
        .tag = "<image>",
        .embed = image.image_embed,
        .rows_of_each = image.n_image_tokens,
        .count = image.n_image,
        .has_texts = true,
        .texts = { image.image_start, image.image_end, image.image_content },
    };
    __typeof__(raw->multimodal_input.video) video = raw->multimodal_input.video;
    input->media[input->media_kinds++] = (struct media){
        .tag = "<video>",
        .embed = video.video_embed,
        .rows_of_each = video.n_frame_tokens * video.n_frame_per_video,
        .count = video.n_video,
        .has_texts = true,
        .texts = { video.video_start, video.video_end, video.video_content },
    };
#else
    size_t count = 1;
#if RKLLM_GENERATION >= 121
    count = raw->multimodal_input.n_image;
#endif
    input->media[input->media_kinds++] = (struct media){
        .tag = "<image>",
        .embed = raw->multimodal_input.image_embed,
        .rows_of_each = raw->multimodal_input.n_image_tokens,
        .count = count,
    };
#endif
}

void abi_read_input(struct input *input, const RKLLMInput *raw) {
    *input = (struct input){ .type = (int)raw->input_type };
#if RKLLM_GENERATION >= 121
    input->role = raw->role;
    input->enable_thinking = BYTE_OF(raw->enable_thinking);
#endif
    switch (raw->input_type) {
    case RKLLM_INPUT_PROMPT:
        input->text = raw->prompt_input;
        break;
    case RKLLM_INPUT_TOKEN:
        input->ids = raw->token_input.input_ids;
        input->length = raw->token_input.n_tokens;
        break;
    case RKLLM_INPUT_EMBED:
        input->embed = raw->embed_input.embed;
        input->length = raw->embed_input.n_tokens;
        break;
    case RKLLM_INPUT_MULTIMODAL:
        read_multimodal(input, raw);
        break;
    }
}

bool abi_read_run(struct run_params *params, const RKLLMInferParam *raw) {
    *params = (struct run_params){ .mode = (int)raw->mode };
    if (raw->lora_params != NULL) {
        if (!memory_readable(raw->lora_params, sizeof *raw->lora_params))
            return false;
        params->has_lora = true;
        params->lora_name = raw->lora_params->lora_adapter_name;
    }
    const RKLLMPromptCacheParam *cache = raw->prompt_cache_params;
    if (cache != NULL) {
        if (!memory_readable(cache, sizeof *cache))
            return false;
        params->save_prompt_cache = cache->save_prompt_cache;
        params->prompt_cache_path = cache->prompt_cache_path;
    }
#if RKLLM_GENERATION >= 120
    params->keep_history = raw->keep_history;
#endif
#if RKLLM_GENERATION >= 130
    params->max_new_tokens = raw->max_new_tokens;
    if (raw->sampling_params != NULL) {
        if (!memory_readable(raw->sampling_params, sizeof *raw->sampling_params))
            return false;
        params->has_sampling = true;
        params->sampling = READ_SAMPLING(raw->sampling_params);
    }
#endif
    return true;
}

void abi_write_result(RKLLMResult *raw, const struct output *output) {
    *raw = (RKLLMResult){ .text = output->text, .token_id = output->id };
    if (output->hidden_states != NULL)
        raw->last_hidden_layer = (RKLLMResultLastHiddenLayer){
            output->hidden_states, output->width, output->rows,
        };
#if RKLLM_GENERATION >= 120
    if (output->logits != NULL)
        raw->logits = (RKLLMResultLogits){ output->logits, output->width, output->rows };
#endif
#if RKLLM_GENERATION >= 121
    raw->perf = (RKLLMPerfStat){
        .prefill_time_ms = output->perf.prefill_ms,
        .prefill_tokens = output->perf.prefill_tokens,
        .generate_time_ms = output->perf.generate_ms,
        .generate_tokens = output->perf.generate_tokens,
        .memory_usage_mb = output->perf.memory_mb,
    };
#endif
}

int abi_deliver(const struct callbacks *callbacks, RKLLMResult *results, void *userdata,
                LLMCallState state) {
    void *data = userdata != NULL ? userdata : callbacks->result_userdata;
#if RKLLM_GENERATION >= 121
    return callbacks->result(results, data, state);
#else
    callbacks->result(results, data, state);
    return 0;
#endif
}

RKLLMParam rkllm_createDefaultParam(void) {
    RKLLMParam param = {
        .max_context_len = 512,
        .max_new_tokens = -1,
        .top_k = 40,
        .top_p = 0.9f,
        .temperature = 0.8f,
        .repeat_penalty = 1.1f,
        .mirostat_tau = 5.0f,
        .mirostat_eta = 0.1f,
        .skip_special_token = true,
    };
#if RKLLM_GENERATION < 130
    param.img_start = "<img>";
    param.img_end = "</img>";
    param.img_content = "<unk>";
#endif
#if RKLLM_GENERATION >= 120
    param.extend_param.enabled_cpus_num = 4;
    param.extend_param.enabled_cpus_mask = CPU4 | CPU5 | CPU6 | CPU7;
#endif
#if RKLLM_GENERATION >= 121
    param.extend_param.n_batch = 1;
#endif
    return param;
}

#if RKLLM_GENERATION >= 130
int rkllm_init(LLMHandle *handle, RKLLMParam *param, RKLLMCallback *callback) {
    struct callbacks callbacks = { 0 };
    if (memory_readable(callback, sizeof *callback))
        callbacks = (struct callbacks){
            .result = callback->result_callback,
            .result_userdata = callback->result_userdata,
            .tokenize = callback->tokenizer_callback,
            .tokenize_userdata = callback->tokenizer_userdata,
            .embed = callback->embed_callback,
            .embed_userdata = callback->embed_userdata,
        };
    return init_model(handle, param, &callbacks);
}
#else
int rkllm_init(LLMHandle *handle, RKLLMParam *param, LLMResultCallback callback) {
    return init_model(handle, param, &(struct callbacks){ .result = callback });
}
#endif

#if RKLLM_GENERATION >= 121
int rkllm_clear_kv_cache(LLMHandle handle, int keep_system_prompt, int *start_pos, int *end_pos) {
    return clear_kv_cache(handle, keep_system_prompt, start_pos, end_pos);
}

int rkllm_get_kv_cache_size(LLMHandle handle, int *cache_sizes) {
    return get_kv_cache_size(handle, cache_sizes);
}

int rkllm_set_function_tools(LLMHandle handle, const char *system_prompt, const char *tools,
                             const char *tool_response_str) {
    return set_function_tools(handle, system_prompt, tools, tool_response_str);
}

int rkllm_set_cross_attn_params(LLMHandle handle, RKLLMCrossAttnParam *params) {
    if (!memory_readable(params, sizeof *params))
        return set_cross_attn(handle, NULL, NULL, 0);
    const float *arrays[] = { params->encoder_k_cache, params->encoder_v_cache,
                              params->encoder_mask };
    return set_cross_attn(handle, arrays, params->encoder_pos, params->num_tokens);
}
#elif RKLLM_GENERATION == 120
int rkllm_clear_kv_cache(LLMHandle handle, int keep_system_prompt) {
    return clear_kv_cache(handle, keep_system_prompt, NULL, NULL);
}
#endif

#if RKLLM_GENERATION >= 120
int rkllm_set_chat_template(LLMHandle handle, const char *system_prompt,
                            const char *prompt_prefix, const char *prompt_postfix) {
    return set_chat_template(handle, system_prompt, prompt_prefix, prompt_postfix);
}
#endif
