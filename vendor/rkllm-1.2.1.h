/*
 * C ABI of the RKLLM runtime, generation 1.2.1 (runtimes 1.2.1, 1.2.2 and 1.2.3).
 *
 * Names, order and types are those of the runtime. Structs of other generations
 * differ: calling a library with the header of another generation crashes.
 */
#ifndef RKLLM_1_2_1_H
#define RKLLM_1_2_1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bit of CPU 0 in `RKLLMExtendParam::enabled_cpus_mask`. */
#define CPU0 (1 << 0)
/** Bit of CPU 1 in `RKLLMExtendParam::enabled_cpus_mask`. */
#define CPU1 (1 << 1)
/** Bit of CPU 2 in `RKLLMExtendParam::enabled_cpus_mask`. */
#define CPU2 (1 << 2)
/** Bit of CPU 3 in `RKLLMExtendParam::enabled_cpus_mask`. */
#define CPU3 (1 << 3)
/** Bit of CPU 4 in `RKLLMExtendParam::enabled_cpus_mask`. */
#define CPU4 (1 << 4)
/** Bit of CPU 5 in `RKLLMExtendParam::enabled_cpus_mask`. */
#define CPU5 (1 << 5)
/** Bit of CPU 6 in `RKLLMExtendParam::enabled_cpus_mask`. */
#define CPU6 (1 << 6)
/** Bit of CPU 7 in `RKLLMExtendParam::enabled_cpus_mask`. */
#define CPU7 (1 << 7)

#ifndef RKLLM_HANDLE_DEFINED
#define RKLLM_HANDLE_DEFINED
/** A loaded model, made by `rkllm_init` and given back by `rkllm_destroy`. */
typedef void *LLMHandle;
#endif

/** Why the result callback is called. */
typedef enum {
    /** The result holds one more token, or the output of an inference without text. */
    RKLLM_RUN_NORMAL = 0,
    /** The bytes decoded so far end inside a UTF-8 character; the next call has them all. */
    RKLLM_RUN_WAITING = 1,
    /** The run has ended; only the performance figures of the result mean something. */
    RKLLM_RUN_FINISH = 2,
    /** The run has failed; the result may be null. */
    RKLLM_RUN_ERROR = 3
} LLMCallState;

/** Which member of the union in `RKLLMInput` is set. */
typedef enum {
    /** `prompt_input`: text that the runtime puts into the chat template. */
    RKLLM_INPUT_PROMPT = 0,
    /** `token_input`: token ids, used as they are. */
    RKLLM_INPUT_TOKEN = 1,
    /** `embed_input`: one embedding per token. */
    RKLLM_INPUT_EMBED = 2,
    /** `multimodal_input`: text with embeddings of images. */
    RKLLM_INPUT_MULTIMODAL = 3
} RKLLMInputType;

/** What a run computes. */
typedef enum {
    /** Tokens, one callback each. */
    RKLLM_INFER_GENERATE = 0,
    /** The hidden states of the last layer for all tokens of the input. */
    RKLLM_INFER_GET_LAST_HIDDEN_LAYER = 1,
    /** The logits for all tokens of the input. */
    RKLLM_INFER_GET_LOGITS = 2
} RKLLMInferMode;

/** Rarely needed parameters of `rkllm_init`. */
typedef struct {
    /** IOMMU domain, of 4 GiB each, in which the model's memory begins. */
    int32_t base_domain_id;
    /** 1 reads word embeddings from the file when needed: less memory, slower prefill. */
    int8_t embed_flash;
    /** Number of CPUs to compute on; must agree with `enabled_cpus_mask`. */
    int8_t enabled_cpus_num;
    /** CPUs to compute on, a sum of `CPU0` to `CPU7`. */
    uint32_t enabled_cpus_mask;
    /** Number of inputs that one run takes, 1 to 100. */
    uint8_t n_batch;
    /** 1 for a model converted with cross attention. */
    int8_t use_cross_attn;
    /** Room for later parameters; zero. */
    uint8_t reserved[104];
} RKLLMExtendParam;

/** Parameters of `rkllm_init`; start from `rkllm_createDefaultParam`. */
typedef struct {
    /** Path of the model file, ending in NUL. */
    const char *model_path;
    /** Size of the context in tokens: input, history and output together. */
    int32_t max_context_len;
    /** Most tokens that one run may generate. */
    int32_t max_new_tokens;
    /** Sample among this many likeliest tokens; 1 is greedy. */
    int32_t top_k;
    /** Tokens at the beginning that stay when the full context is shifted. */
    int32_t n_keep;
    /** Sample among the likeliest tokens whose probabilities reach this sum. */
    float top_p;
    /** Divides the logits: smaller is more predictable. */
    float temperature;
    /** Penalty of tokens that occurred recently; 1 is none. */
    float repeat_penalty;
    /** Penalty that grows with each occurrence of a token; 0 is none. */
    float frequency_penalty;
    /** Penalty of tokens that occurred at all; 0 is none. */
    float presence_penalty;
    /** Mirostat sampling: 0 off, 1 version 1, 2 version 2. */
    int32_t mirostat;
    /** Surprise per token that Mirostat aims at. */
    float mirostat_tau;
    /** Rate at which Mirostat corrects itself. */
    float mirostat_eta;
    /** Leave special tokens out of the text. */
    bool skip_special_token;
    /** The model will be used with `rkllm_run_async`. */
    bool is_async;
    /** Text before an image's tokens; empty, not null, when there is none. */
    const char *img_start;
    /** Text after an image's tokens; empty, not null, when there is none. */
    const char *img_end;
    /** Text of the token that stands for one row of an image; empty, not null, for none. */
    const char *img_content;
    /** Rarely needed parameters. */
    RKLLMExtendParam extend_param;
} RKLLMParam;

/** A LoRA adapter to load. */
typedef struct {
    /** Path of the converted adapter file, ending in NUL. */
    const char *lora_adapter_path;
    /** Name under which runs choose the adapter. */
    const char *lora_adapter_name;
    /** Factor on the adapter's weights. */
    float scale;
} RKLLMLoraAdapter;

/** Input as embeddings. */
typedef struct {
    /** `n_tokens` rows of the model's embedding width. */
    float *embed;
    /** Number of rows. */
    size_t n_tokens;
} RKLLMEmbedInput;

/** Input as token ids. */
typedef struct {
    /** The ids. */
    int32_t *input_ids;
    /** Number of ids. */
    size_t n_tokens;
} RKLLMTokenInput;

/** Input as text with embeddings of images. */
typedef struct {
    /** The text, with one `<image>` where each embedding belongs. */
    char *prompt;
    /** `n_image` times `n_image_tokens` rows of the model's embedding width. */
    float *image_embed;
    /** Number of tokens of one image. */
    size_t n_image_tokens;
    /** Number of images. */
    size_t n_image;
    /** Width of an image in pixels. */
    size_t image_width;
    /** Height of an image in pixels. */
    size_t image_height;
} RKLLMMultiModalInput;

/** Input of one run; borrowed until the run has ended. */
typedef struct {
    /** Whose turn it is: `user`, or `tool` for the results of function calls. */
    const char *role;
    /** Let a model that can think do so; the chat template decides how. */
    bool enable_thinking;
    /** The member of the union that is set. */
    RKLLMInputType input_type;
    /** The input itself. */
    union {
        /** Text, ending in NUL. */
        const char *prompt_input;
        /** Embeddings. */
        RKLLMEmbedInput embed_input;
        /** Token ids. */
        RKLLMTokenInput token_input;
        /** Text with embeddings of images. */
        RKLLMMultiModalInput multimodal_input;
    };
} RKLLMInput;

/** The LoRA adapter of one run. */
typedef struct {
    /** Name given when the adapter was loaded. */
    const char *lora_adapter_name;
} RKLLMLoraParam;

/** Whether and where a run saves its prompt cache. */
typedef struct {
    /** 1 saves the cache after the run. */
    int save_prompt_cache;
    /** Path of the file to write; null means `./prompt_cache.bin`. */
    const char *prompt_cache_path;
} RKLLMPromptCacheParam;

/** What a decoder with cross attention needs of its encoder. */
typedef struct {
    /** Keys of all layers. */
    float *encoder_k_cache;
    /** Values of all layers. */
    float *encoder_v_cache;
    /** Attention mask, one number per encoder token. */
    float *encoder_mask;
    /** Position of each encoder token. */
    int32_t *encoder_pos;
    /** Number of encoder tokens. */
    int num_tokens;
} RKLLMCrossAttnParam;

/** Parameters of one run. */
typedef struct {
    /** What to compute. */
    RKLLMInferMode mode;
    /** LoRA adapter to use; null for none. */
    RKLLMLoraParam *lora_params;
    /** Prompt cache to save; null for none. */
    RKLLMPromptCacheParam *prompt_cache_params;
    /** 1 keeps the conversation for the next run, 0 forgets it. */
    int keep_history;
} RKLLMInferParam;

/** Hidden states of the last layer. */
typedef struct {
    /** `num_tokens` rows of `embd_size` numbers; valid until the callback returns. */
    const float *hidden_states;
    /** Length of a row. */
    int embd_size;
    /** Number of rows. */
    int num_tokens;
} RKLLMResultLastHiddenLayer;

/** Logits of the output layer. */
typedef struct {
    /** `num_tokens` rows of `vocab_size` numbers; valid until the callback returns. */
    const float *logits;
    /** Length of a row. */
    int vocab_size;
    /** Number of rows. */
    int num_tokens;
} RKLLMResultLogits;

/** Speed and memory of one run. */
typedef struct {
    /** Time to evaluate the input, in milliseconds. */
    float prefill_time_ms;
    /** Tokens of the input that were evaluated, without those found in the cache. */
    int prefill_tokens;
    /** Time to generate the tokens after the first, in milliseconds. */
    float generate_time_ms;
    /** Tokens generated after the first. */
    int generate_tokens;
    /** Largest resident memory that the process has had, in megabytes. */
    float memory_usage_mb;
} RKLLMPerfStat;

/** What the result callback receives; valid until the callback returns. */
typedef struct {
    /** Text of the token, ending in NUL; may be null when there is none. */
    const char *text;
    /** Id of the token; negative for a batch entry that has ended. */
    int32_t token_id;
    /** Set by runs that compute hidden states. */
    RKLLMResultLastHiddenLayer last_hidden_layer;
    /** Set by runs that compute logits. */
    RKLLMResultLogits logits;
    /** Set when the state is `RKLLM_RUN_FINISH`. */
    RKLLMPerfStat perf;
} RKLLMResult;

/**
 * Receives the results of a run.
 *
 * Returns 0 to go on, 1 to pause (the next run resumes). With several inputs `result`
 * points at one result per input.
 */
typedef int (*LLMResultCallback)(RKLLMResult *result, void *userdata, LLMCallState state);

/** Returns the default parameters; the caller sets at least the model path. */
RKLLMParam rkllm_createDefaultParam(void);

/**
 * Loads a model and stores its handle in `handle`.
 *
 * `callback` receives the results of all runs. Returns 0, or -1 on failure.
 */
int rkllm_init(LLMHandle *handle, RKLLMParam *param, LLMResultCallback callback);

/** Loads a LoRA adapter, which runs then choose by name. Returns 0, or -1 on failure. */
int rkllm_load_lora(LLMHandle handle, RKLLMLoraAdapter *lora_adapter);

/** Loads a prompt cache that a run has saved. Returns 0, or -1 on failure. */
int rkllm_load_prompt_cache(LLMHandle handle, const char *prompt_cache_path);

/** Forgets the loaded prompt cache. Returns 0, or -1 on failure. */
int rkllm_release_prompt_cache(LLMHandle handle);

/** Unloads the model; no run may be active. Returns 0, or -1 on failure. */
int rkllm_destroy(LLMHandle handle);

/**
 * Runs the model and returns when the run has ended; callbacks come on the calling thread.
 *
 * One run per handle at a time. `userdata` is passed to the result callback. Returns 0, or
 * -1 on failure.
 */
int rkllm_run(LLMHandle handle, RKLLMInput *rkllm_input, RKLLMInferParam *rkllm_infer_params,
              void *userdata);

/**
 * Starts a run and returns at once; callbacks come on a thread of the runtime.
 *
 * Input and parameters must stay valid until the run has ended. Returns 0, or -1 on
 * failure.
 */
int rkllm_run_async(LLMHandle handle, RKLLMInput *rkllm_input,
                    RKLLMInferParam *rkllm_infer_params, void *userdata);

/**
 * Asks the active run to end and returns before it has; any thread may call it.
 *
 * Has no effect before prefill is over. Returns 0, or -1 on failure.
 */
int rkllm_abort(LLMHandle handle);

/** Returns 1 while a run is active, 0 when there is none. */
int rkllm_is_running(LLMHandle handle);

/**
 * Clears the KV cache.
 *
 * `start_pos` and `end_pos` are null, or have one position per batch entry; then that
 * range is cleared, end exclusive, which is allowed only while a run without history is
 * paused. A `keep_system_prompt` of 1 keeps the system prompt. Returns 0, or -1 on failure.
 */
int rkllm_clear_kv_cache(LLMHandle handle, int keep_system_prompt, int *start_pos, int *end_pos);

/**
 * Writes the number of cached positions of each batch entry to `cache_sizes`.
 *
 * The array must have as many entries as `RKLLMExtendParam::n_batch`. Returns 0, or -1 on
 * failure.
 */
int rkllm_get_kv_cache_size(LLMHandle handle, int *cache_sizes);

/**
 * Replaces the chat template: system prompt, prefix, text of the user, postfix.
 *
 * Clears the KV cache and turns off the model's own template, and with it thinking and
 * function tools. Returns 0, or -1 on failure.
 */
int rkllm_set_chat_template(LLMHandle handle, const char *system_prompt,
                            const char *prompt_prefix, const char *prompt_postfix);

/**
 * Sets the system prompt and the functions that the model may call.
 *
 * `tools` is a JSON array of function descriptions; `tool_response_str` names the tag
 * around results. Needs the model's own template. Returns 0, or -1 on failure.
 */
int rkllm_set_function_tools(LLMHandle handle, const char *system_prompt, const char *tools,
                             const char *tool_response_str);

/** Sets the encoder's side of cross attention. Returns 0, or -1 on failure. */
int rkllm_set_cross_attn_params(LLMHandle handle, RKLLMCrossAttnParam *cross_attn_params);

#ifdef __cplusplus
}
#endif

#endif
